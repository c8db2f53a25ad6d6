#pragma once
// Checks what a quantizer does with a row of z that has no token, for check_quantizer.

#include <tessera/core/error.hpp>
#include <tessera/core/token.hpp>
#include <tessera/testing/detail/bound_quantizer.hpp>
#include <tessera/testing/detail/differences.hpp>
#include <tessera/vq/quantizer.hpp>
#include <tessera/vq/quantizer_hooks.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <limits>
#include <string>
#include <utility>

namespace tessera::inline TESSERA_ABI::testing::detail {

/// "" where f() throws NumericError, else what it did.
template <class F>
std::string instead_of_numeric_error(F&& f) {
    try {
        f();
    } catch (const NumericError&) {
        return "";
    } catch (const std::exception& e) {
        return std::string{"another exception: "} + e.what();
    }
    return "none";
}

// One number of z is NaN: forward throws NumericError, in training and in evaluation, and the next forward, with the
// same cache, is not changed by it. encode_rows gives that row no_token, and the other rows their tokens.
template <vq::Quantizer Q>
std::string check_nan(const QuantizerCheckOf<Q>& o) {
    using T = typename Q::Scalar;
    constexpr std::size_t rows = row_count<typename Q::Input>, width = last_dim<typename Q::Input>;
    BoundQuantizer<Q> good{o}, bad{o};
    const std::size_t row = o.batch * rows / 2;
    const std::string where = "NaN in row " + std::to_string(row) + " of z: ";
    T& number = bad.z.data()[row * width + width - 1];
    const T before = number;
    for (const bool training : {true, false}) {
        const nn::Pass pass = training ? good.pass : nn::Pass{};
        const std::string name = training ? "forward in training: " : "forward in evaluation: ";
        number = std::numeric_limits<T>::quiet_NaN();
        const std::string got = instead_of_numeric_error([&] { bad.forward(pass); });
        if (!got.empty()) return where + name + "expected NumericError, got " + got;
        number = before;
        good.forward(pass);
        bad.forward(pass);
        const std::string failure = detail::differs<T>("q", std::as_const(good.q).span(), std::as_const(bad.q).span());
        if (!failure.empty()) return where + "the next " + name + failure;
    }
    if constexpr (vq::EncodesRows<Q> && Q::tokens % rows == 0) {
        constexpr std::size_t per = Q::tokens / rows;
        number = std::numeric_limits<T>::quiet_NaN();
        std::ranges::fill(bad.tokens.span(), Token{0});
        Q::encode_rows(std::as_const(bad.w), std::as_const(bad.z), bad.tokens.view(), 0, o.batch * rows);
        const auto tokens = bad.tokens.span();
        if (std::ranges::find(tokens.subspan(row * per, per), no_token) == tokens.subspan(row * per, per).end())
            return where + "encode_rows: " + at("tokens", row * per) + ": " +
                   expected_got("no_token", std::to_string(tokens[row * per]));
        for (std::size_t i = 0; i < tokens.size(); ++i)
            if (i / per != row && tokens[i] != good.tokens.data()[i])
                return where + "encode_rows: " + at("tokens", i) + ": " +
                       expected_got(good.tokens.data()[i], tokens[i]);
    }
    return "";
}

}  // namespace tessera::testing::detail
