#pragma once
// difference_of_nets<A, B>(): two nets whose parameters have the same values in the same order must agree in every bit.
//
//     CHECK(support::difference_of_nets<Chain<In, Relu, Linear<9>>, Chain<In, Seq<Relu>, Linear<9>>>() == "");

#include <support/mismatch.hpp>

#include <tessera/nn/chain.hpp>
#include <tessera/testing/bound_layer.hpp>

#include <concepts>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace support {

/// All leaves of a parameter set in order, as one array.
template <class T, class P>
std::vector<T> flat(const P& params) {
    std::vector<T> all;
    P::each([&](const auto&, const auto& leaf) { all.insert(all.end(), leaf.span().begin(), leaf.span().end()); },
            params);
    return all;
}

/// "" or the first number that differs in y, dx, the gradients, or the gradients of a backward pass without dx.
template <class A, class B>
std::string difference_of_nets(std::size_t batch = 5) {
    using namespace tessera;
    using T = typename A::Scalar;
    static_assert(std::same_as<typename A::Output, typename B::Output>);
    testing::BoundLayer<A> a{batch};
    testing::BoundLayer<B> b{batch};
    Mismatch wrong;
    const auto compare_gradients = [&](const std::string& what) {
        const std::vector<T> all = flat<T>(b.grad);
        std::size_t from = 0;
        A::Params::each(
            [&](const ParamPath& path, const auto& leaf) {
                for (std::size_t i = 0; i < leaf.span().size() && from < all.size(); ++i, ++from)
                    wrong.compare_bits(all[from], leaf[i], what, ".", path.str(), ", element ", i);
            },
            a.grad);
        wrong.compare(all.size(), flat<T>(a.grad).size(), what, ": number of parameters");
    };
    const auto compare = [&](const std::string& what, const auto& x, const auto& y) {
        wrong.compare_bits(std::as_const(y).span(), std::as_const(x).span(), what);
    };
    a.forward();
    b.forward();
    compare("y", a.y, b.y);
    a.backward();
    b.backward();
    compare("dx", a.dx, b.dx);
    compare_gradients("grad");
    a.forward();
    b.forward();
    a.backward_params();
    b.backward_params();
    compare_gradients("backward_params");
    return wrong.first();
}

/// The chain A, B, which fuses them, against A, Seq<B>, which does not.
template <class A, class B, class In>
std::string fused_like_unfused(std::size_t batch = 3) {
    using Fused = tessera::nn::Chain<In, A, B>;
    using Unfused = tessera::nn::Chain<In, A, tessera::nn::Seq<B>>;
    static_assert(Fused::count == 1 && Unfused::count == 2);
    return difference_of_nets<Fused, Unfused>(batch);
}

}  // namespace support
