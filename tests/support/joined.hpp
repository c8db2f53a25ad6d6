#pragma once
// joined_like_apart<A, B, In>(): the chain A, B, which joins them, against A, Seq<B>, which does not.

#include <tessera/nn/chain.hpp>
#include <tessera/testing/detail/rig.hpp>

#include <string>
#include <type_traits>
#include <utility>

namespace support {

/// "" or the first number that differs: y, dx, gradients, gradients without dx; names of parameters too.
template <class A, class B, class In>
std::string joined_like_apart(std::size_t batch = 3) {
    using namespace tessera;
    namespace detail = testing::detail;
    using FusedPair = nn::Chain<In, A, B>;
    using Apart = nn::Chain<In, A, nn::Seq<B>>;
    static_assert(FusedPair::count == 1 && Apart::count == 2);
    static_assert(std::is_same_v<typename FusedPair::Output, typename Apart::Output>);

    detail::Rig<FusedPair> joined{batch, 1, 1};
    detail::Rig<Apart> apart{batch, 1, 1};
    std::string found;
    const auto compare = [&](const std::string& what, const auto& a, const auto& b) {
        if (found.empty()) found = detail::differs<float>(what, std::as_const(a).span(), std::as_const(b).span());
    };
    const auto compare_gradients = [&](const std::string& what) {
        using Inner = typename FusedPair::template At<0>::Params;
        Inner::each([&](const Path& path, const auto& a, const auto& b) { compare(what + "." + path.str(), a, b); },
                    std::get<0>(joined.grad.items), std::get<0>(apart.grad.items));
    };
    joined.forward();
    apart.forward();
    compare("y", joined.y, apart.y);
    joined.backward();
    apart.backward();
    compare("dx", joined.dx, apart.dx);
    compare_gradients("grad");
    joined.forward();
    joined.backward_params();
    apart.forward();
    apart.backward_params();
    compare_gradients("backward_params");
    return found;
}

}  // namespace support
