#pragma once
// Whether the Terms of a quantizer can be visited as the library does: any number of them, a double for each term.

#include <tessera/core/param_path.hpp>

#include <concepts>
#include <type_traits>

namespace tessera::inline TESSERA_ABI::vq::detail {

struct VisitTerms {
    template <class... L>
    void operator()(const ParamPath&, L&...) const {
        static_assert((std::same_as<std::remove_const_t<L>, double> && ...),
                      "quantizer: Terms: expected a `double` for each term");
    }
};

template <class S>
concept VisitsAnyNumber = requires(S& a, const S& b) {
    S::each(VisitTerms{}, b);
    S::each(VisitTerms{}, a, b);
};

template <class S>
void visit_terms(S& a, const S& b) {
    if constexpr (VisitsAnyNumber<S>) S::each(VisitTerms{}, a, b);
}

/// True, and instantiates F: a body is compiled only for a call or a template argument.
template <auto F>
inline constexpr bool instantiated = true;

}  // namespace tessera::vq::detail
