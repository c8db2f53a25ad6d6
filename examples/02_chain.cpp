// 2. A net from layers: forward, backward, and a step down the gradient, all by hand.
//
// A layer is no object. It is a type with functions: init, forward, backward. What it learns lives in its
// Params, what backward must remember lives in its Cache; both are plain values that you own. Nothing is
// hidden, so nothing can be forgotten: gradients are a second value of the type Params, and an optimiser is a
// loop over two such values.

#include <tessera/core/rng.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/tanh.hpp>

#include <cmath>
#include <cstdio>

namespace ts = tessera;
using namespace tessera::nn;

// A Chain binds its layers from the left to the right: each gets the shape that the one before it gives.
// Naming the net by inheritance keeps messages short: they say `Net` instead of the whole list.
struct Net : Chain<ts::Shape<1>, Linear<32>, Tanh, Linear<32>, Tanh, Linear<1>> {};

int main() {
    // One generator, passed on: the same seed gives the same numbers on every machine.
    ts::Rng rng{1};
    Net::Params params, grad;
    Net::init(params, rng);
    std::printf("the net has %zu weights:", ts::parameter_count(params));
    Net::Params::each(
        [](const ts::Path& name, const auto& leaf) { std::printf(" %s %zu", name.str().c_str(), leaf.span().size()); },
        params);
    std::printf("\n");

    // It shall learn y = sin(3 x) from 256 random points.
    constexpr std::size_t batch = 256;
    ts::Tensor<float, Net::Input> x{batch};
    ts::Tensor<float, Net::Output> y{batch}, target{batch}, dy{batch};
    for (std::size_t n = 0; n < batch; ++n) {
        x[n][0] = rng.uniform(-1, 1);
        target[n][0] = std::sin(3 * x[n][0]);
    }

    // What forward and backward read is not Params itself but its packed form: the weights in the order of
    // the kernels, made once for each step.
    Net::Packed packed;
    Net::Cache cache;
    float first = 0, loss = 0;
    for (int step = 0; step < 600; ++step) {
        Net::pack(params, packed);
        Net::forward(packed, x, y, cache);

        // the loss and its gradient with respect to y: mean squared error
        loss = 0;
        for (std::size_t n = 0; n < batch; ++n) {
            const float difference = y[n][0] - target[n][0];
            loss += difference * difference / batch;
            dy[n][0] = 2 * difference / batch;
        }
        if (step == 0) first = loss;
        if (step % 100 == 0) std::printf("step %3d  loss %.5f\n", step, loss);

        // backward ADDS to grad, so that several batches can share one step; it starts from zero
        ts::set_zero(grad);
        Net::backward_params(packed, x, y, dy, cache, grad);

        // `each` walks through any number of parameter sets at once. Here it visits every weight together
        // with its gradient, and that is plain gradient descent.
        const auto descend = [](const ts::Path&, auto& weight, const auto& slope) {
            for (std::size_t i = 0; i < weight.span().size(); ++i) weight[i] -= 0.1f * slope[i];
        };
        Net::Params::each(descend, params, grad);
    }
    std::printf("finally   loss %.5f\n", loss);
    return loss < first / 20 ? 0 : 1;
}
