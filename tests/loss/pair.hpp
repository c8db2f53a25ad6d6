#pragma once
// An output and a target for losses of two arrays: small fractions, so that float adds them exactly. And a loss on such
// arrays, in which each number is a sample.

#include <tessera/core/shape.hpp>
#include <tessera/core/view.hpp>

#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

namespace pair {

template <class T>
std::vector<T> output(std::size_t n) {
    std::vector<T> y(n);
    for (std::size_t i = 0; i < n; ++i) y[i] = (static_cast<T>((i * 7) % 11) - 5) / 8;
    return y;
}
template <class T>
std::vector<T> wanted(std::size_t n) {
    std::vector<T> t(n);
    for (std::size_t i = 0; i < n; ++i) t[i] = (static_cast<T>((i * 5 + 6) % 13) - 6) / 16;
    return t;
}

using Number = tessera::Shape<1>;
template <class T>
tessera::View<const T, Number> samples(std::span<const T> x) {
    return {x.data(), x.size()};
}

template <class Spec, class T>
double loss(std::type_identity_t<std::span<const T>> y, std::type_identity_t<std::span<const T>> target) {
    typename Spec::template Bind<Number, T>::Cache cache;
    return Spec::template Bind<Number, T>::loss({}, samples<T>(y), samples<T>(target), cache);
}
template <class Spec, class T>
double loss_and_grad(std::type_identity_t<std::span<const T>> y, std::type_identity_t<std::span<const T>> target,
                     std::type_identity_t<std::span<T>> dy, T scale) {
    using L = typename Spec::template Bind<Number, T>;
    typename L::Cache cache;
    typename L::Params grad;
    return L::loss_and_grad({}, samples<T>(y), samples<T>(target), {dy.data(), dy.size()}, cache, grad, scale);
}

}  // namespace pair
