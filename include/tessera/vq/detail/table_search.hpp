#pragma once
// Rows of a table that a small net takes near given rows: where dead vectors of a bridged codebook move.
//
//     t += |r|^2 / |g|^2 g,   r = x - net(t),   g = J(t)^T r
//
// the step that ends at r = 0 along g where the net is linear (Polyak). Of the 11 rows t that a search visits, the one
// with the smallest |r| counts: 10 steps bring the vectors of examples/digits to rows that choose them.

#include <tessera/core/abi.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/kernel/simd/simd.hpp>
#include <tessera/nn/layer.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>

namespace tessera::inline TESSERA_ABI::vq::detail {

/// At most `most` rows at a time.
template <nn::Layer Net, std::size_t D>
struct TableSearch {
    using T = typename Net::Scalar;
    using Row = Shape<D>;
    static constexpr std::size_t most = 512, steps = 10;

    Tensor<T, Row> x;     ///< the rows to come near; the caller writes them
    Tensor<T, Row> t;     ///< where the search begins; the caller writes them
    Tensor<T, Row> best;  ///< the result
    bool is_reserved = false;

    [[nodiscard]] bool is_empty() const noexcept { return !is_reserved; }
    /// Allocates all that any `run` needs.
    void reserve(const nn::Weights<Net>& w) {
        for (Tensor<T, Row>* each : {&x, &t, &best, &e_, &r_, &g_}) {
            each->resize(most);
            std::ranges::fill(each->span(), T(0));
        }
        run(w, most);
        is_reserved = true;  // last: an allocation may have failed before
    }
    void run(const nn::Weights<Net>& w, std::size_t rows) {
        const View<const T, Row> in = std::as_const(t).view().slice(0, rows);
        const View<T, Row> out = e_.view().slice(0, rows);
        set_zero(unread_);
        for (std::size_t step = 0;; ++step) {
            nn::begin<Net>(cache_, {});
            Net::forward(w, in, out, cache_);
            for (std::size_t m = 0; m < rows; ++m) keep_if_nearer(m, step == 0);
            if (step == steps) return;
            Net::backward(w, in, View<const T, Row>{out}, std::as_const(r_).view().slice(0, rows),
                          g_.view().slice(0, rows), cache_, unread_);
            for (std::size_t m = 0; m < rows; ++m) move(m);
        }
    }

private:
    Tensor<T, Row> e_, r_, g_;
    std::array<double, most> error_;  // |r|^2 of the last step
    std::array<double, most> least_;  // and of `best`
    typename Net::Cache cache_;
    typename Net::Params unread_;  // gradient of the net's parameters

    void keep_if_nearer(std::size_t m, bool first) {
        double sum = 0;
        for (std::size_t i = m * D; i < (m + 1) * D; ++i) {
            r_.data()[i] = x.data()[i] - e_.data()[i];
            sum = kernel::simd::fma(static_cast<double>(r_.data()[i]), static_cast<double>(r_.data()[i]), sum);
        }
        error_[m] = sum;
        if (!first && !(sum < least_[m])) return;
        least_[m] = sum;
        std::copy_n(t.data() + m * D, D, best.data() + m * D);
    }
    void move(std::size_t m) {
        double length = 0;
        for (std::size_t i = m * D; i < (m + 1) * D; ++i)
            length = kernel::simd::fma(static_cast<double>(g_.data()[i]), static_cast<double>(g_.data()[i]), length);
        const double scale = length > 0 ? error_[m] / length : 0;
        // an element that would leave the range of T, or is NaN, stays
        constexpr double largest = static_cast<double>((std::numeric_limits<T>::max)());
        for (std::size_t i = m * D; i < (m + 1) * D; ++i) {
            const double to =
                kernel::simd::fma(scale, static_cast<double>(g_.data()[i]), static_cast<double>(t.data()[i]));
            if (to >= -largest && to <= largest) t.data()[i] = static_cast<T>(to);
        }
    }
};

}  // namespace tessera::vq::detail
