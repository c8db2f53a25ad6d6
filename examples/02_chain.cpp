// 2. A net made of layers: forward, backward and gradient descent, written out by hand.
//
// A layer is a type with static functions (init, forward, backward) and is never instantiated. Its weights are in its
// Params, and the intermediate values that backward needs are in its Cache; both are plain values that you own. There
// is no hidden state: gradients are a second value of the type Params, and an optimiser is a loop over two such values.

#include <tessera/core/rng.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/tanh.hpp>

#include <cmath>
#include <cstdio>

namespace ts = tessera;
using namespace tessera::nn;

// A Chain binds its layers from left to right: the input shape of each is the output shape of the one before.
// Deriving a struct gives the net a name, so that compiler messages say `Net` instead of the whole list of layers.
struct Net : Chain<ts::Shape<1>, Linear<32>, Tanh, Linear<32>, Tanh, Linear<1>> {};

int main() {
    // One generator is passed to everything that draws: the same seed gives the same numbers on every machine.
    ts::Rng rng{1};
    Net::Params params, grad;
    Net::init(params, rng);
    std::printf("the net has %zu weights:", ts::parameter_count(params));
    Net::Params::each([](const ts::ParamPath& name,
                         const auto& leaf) { std::printf(" %s %zu", name.str().c_str(), leaf.span().size()); },
                      params);
    std::printf("\n");

    // The net learns y = sin(3 x) from 256 random points.
    constexpr std::size_t batch = 256;
    ts::Tensor<float, Net::Input> x{batch};
    ts::Tensor<float, Net::Output> y{batch}, target{batch}, dy{batch};
    for (std::size_t n = 0; n < batch; ++n) {
        x[n][0] = rng.uniform(-1, 1);
        target[n][0] = std::sin(3 * x[n][0]);
    }

    // forward and backward do not read Params itself but a packed copy: the weights in the memory layout of the
    // kernels, made once per step.
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

        // backward ADDS to grad, so that several batches can contribute to one step; set it to zero first
        ts::set_zero(grad);
        Net::backward_params(packed, x, y, dy, cache, grad);

        // `each` iterates over any number of parameter sets in parallel. Here it visits every tensor of weights
        // together with its gradient: plain gradient descent.
        const auto descend = [](const ts::ParamPath&, auto& weight, const auto& slope) {
            for (std::size_t i = 0; i < weight.span().size(); ++i) weight[i] -= 0.1f * slope[i];
        };
        Net::Params::each(descend, params, grad);
    }
    std::printf("final     loss %.5f\n", loss);
    return loss < first / 20 ? 0 : 1;
}
