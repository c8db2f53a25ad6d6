#pragma once
// PolicyCase<Spec, T>: a Codebook of 6 vectors of 4 numbers and 12 rows, the inputs of golden/make_codebook.py.

#include <golden/codebook.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/vq/codebook.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>

namespace policy_test {

namespace twin = ::golden::codebook;  // by PyTorch

inline constexpr std::size_t rows = 12, codes = 6, width = 4;

template <class Spec, class T>
struct PolicyCase {
    using In = tessera::Shape<width>;
    using Q = typename Spec::template Bind<In, T>;
    typename Q::Params params, grad;
    typename Q::Buffers buffers;
    typename Q::Packed w;
    typename Q::Cache cache;
    tessera::CodebookOptions options;
    tessera::Tensor<T, In> z{rows}, q{rows}, dq{rows}, dz{rows};
    tessera::Tensor<tessera::Token, tessera::Shape<1>> tokens{rows};

    explicit PolicyCase(tessera::CodebookOptions o = {}) : options{o} {
        tessera::Rng rng{1};
        Q::init(params, buffers, rng);
        for (std::size_t i = 0; i < codes * width; ++i) {
            const T value = (static_cast<T>((i * 29) % 53) - 26) / 16;
            if constexpr (requires { params.weight; })
                params.weight[i] = value;
            else if constexpr (requires { buffers.book; })
                buffers.book.weight[i] = value;
            else if constexpr (requires { params.learned.table; })
                params.learned.table[i] = value;
            else if constexpr (requires { buffers.fixed.table; })
                buffers.fixed.table[i] = value;
            else
                buffers.weight[i] = value;
        }
        for (std::size_t i = 0; i < rows * width; ++i) {
            z.data()[i] = (static_cast<T>((i * 37) % 97) - 48) / 32 + T(1) / 64;
            dq.data()[i] = (static_cast<T>((i * 5 + 12) % 13) - 6) / 16;
        }
        pack();
    }
    void pack() { Q::pack(params, buffers, options, w); }
    void forward(bool training = true) {
        Q::forward(w, {.training = training, .rng = tessera::Rng{7}.split(1)}, std::as_const(z), tokens.view(),
                   q.view(), cache);
    }
    void backward() {
        Q::backward(w, std::as_const(z), std::as_const(tokens), std::as_const(q), std::as_const(dq), dz.view(), cache,
                    grad);
    }
    /// Of the mean over the rows.
    typename Q::Terms regularize() {
        std::ranges::fill(dz.span(), T(0));
        return Q::regularize(w, std::as_const(z), std::as_const(tokens), std::as_const(q), dz.view(), cache, grad,
                             static_cast<double>(rows));
    }
};

/// "" where the numbers agree within the precision of T; else the first that does not, expected and got.
template <class T>
std::string differs(std::span<const double> expected, std::span<const T> got,
                    double tolerance = sizeof(T) == 4 ? 2e-6 : 1e-13) {
    if (expected.size() != got.size())
        return "expected " + std::to_string(expected.size()) + " numbers, got " + std::to_string(got.size());
    for (std::size_t i = 0; i < got.size(); ++i)
        if (!(std::abs(static_cast<double>(got[i]) - expected[i]) <= tolerance))
            return "[" + std::to_string(i) + "]: expected " + std::to_string(expected[i]) + ", got " +
                   std::to_string(static_cast<double>(got[i]));
    return "";
}

}  // namespace policy_test
