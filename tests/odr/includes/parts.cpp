// The headers that the names of the net need, and no other.
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv2d.hpp>
#include <tessera/nn/gelu.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/relu.hpp>
#include <tessera/nn/reshape.hpp>

#include "net.hpp"

#include <cstdio>

int main() {
    const auto here = layout_here(), there = layout_there();
    constexpr const char* what[]{"bound layers", "sizeof(Params)", "sizeof(Packed)", "sizeof(Cache)"};
    for (std::size_t i = 0; i < here.size(); ++i)
        if (here[i] != there[i]) {
            std::printf("%s: %zu with the headers of the names, %zu with the umbrella\n", what[i], here[i], there[i]);
            return 1;
        }

    Net::Params params, grad_here, grad_there;
    Rng rng{3};
    Net::init(params, rng);
    Net::Packed weights;
    Net::pack(params, weights);
    Tensor<float, Net::Input> x(5);
    for (float& value : x.span()) value = rng.normal();
    Tensor<float, Net::Output> y(5);
    Net::Cache cache;
    Net::forward(weights, x, y, cache);
    backward_there(weights, x, y, cache, grad_there);
    Net::forward(weights, x, y, cache);
    Net::backward_params(weights, x, y, y, cache, grad_here);

    bool same = true, zero = true;
    Net::Params::each(
        [&](const ParamPath&, const auto& a, const auto& b) {
            for (std::size_t i = 0; i < a.span().size(); ++i) {
                same = same && a.span()[i] == b.span()[i];
                zero = zero && a.span()[i] == 0;
            }
        },
        grad_here, grad_there);
    if (!same || zero)
        std::puts(zero ? "the gradients are zero, so nothing is compared" : "other gradients in the other file");
    return same && !zero ? 0 : 1;
}
