#pragma once
// One token at a time: what a sequence has seen so far is kept as keys and values of each layer, in the panels that
// the register tile reads; each step adds a column of keys and a row of values.
//
// The logits have the same bits as those of the whole sequence at once: every sum runs in the same order. More steps
// than the context has places, and a token that has no embedding, are errors.

#include <tessera/core/error.hpp>
#include <tessera/gpt/block.hpp>
#include <tessera/gpt/gpt.hpp>
#include <tessera/kernel/attention.hpp>
#include <tessera/kernel/elementwise.hpp>
#include <tessera/kernel/layer_norm.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <tuple>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// State of a few sequences that grow together. Nothing is allocated after the constructor.
template <class Model>
class KvCache {
    static constexpr GptConfig C = Model::config;
    using T = typename Model::Scalar;
    static constexpr std::size_t width = C.width, head_width = C.width / C.heads;

public:
    explicit KvCache(std::size_t sequences)
        : sequences_{sequences}, keys_(C.layers * sequences * C.heads), values_(C.layers * sequences * C.heads) {
        for (auto& k : keys_) k.resize(head_width, C.context);
        for (auto& v : values_) v.resize(C.context, head_width);
        x_.resize(sequences * width), n_.resize(sequences * width), o_.resize(sequences * width);
        qkv_.resize(sequences * 3 * width), h_.resize(sequences * 4 * width), p_.resize(C.context);
        mean_.resize(sequences), rstd_.resize(sequences), logits_.resize(sequences * C.vocab);
    }
    std::size_t sequences() const { return sequences_; }
    std::size_t position() const { return position_; }
    void restart() { position_ = 0; }

    /// Feeds one token a sequence (a label token first); returns their logits, sequences x vocab.
    std::span<T> step(const typename Model::Packed& w, std::span<const Token> tokens) {
        check(tokens);
        const auto& embedding = std::get<0>(w.items);
        for (std::size_t n = 0; n < sequences_; ++n)
            kernel::add<T>({embedding.token.data() + tokens[n] * width, width},
                           {embedding.position.data() + position_ * width, width}, {x_.data() + n * width, width});
        for (std::size_t layer = 0; layer < C.layers; ++layer)
            block(GptBlockWeights{std::get<1>(w.items).items[layer]}, layer);
        norm(std::get<2>(w.items));
        kernel::gemm<T>(sequences_, n_.data(), width, std::get<3>(w.items).forward, logits_.data(), C.vocab);
        ++position_;
        return logits_;
    }

private:
    void check(std::span<const Token> tokens) const {
        if (tokens.size() != sequences_)
            throw ArgumentError("KvCache: tokens: " + expected_got(sequences_, tokens.size()));
        if (position_ == C.context)
            throw ArgumentError("KvCache: position: " +
                                expected_got("less than " + std::to_string(C.context), std::to_string(position_)));
        for (std::size_t n = 0; n < sequences_; ++n)
            if (tokens[n] >= C.embeddings())
                throw DataError("KvCache: token of sequence " + std::to_string(n) + ": " +
                                expected_got("less than " + std::to_string(C.embeddings()), std::to_string(tokens[n])));
    }
    template <class Norm>
    void norm(const Norm& w) {
        kernel::layer_norm_forward<T>(x_, w.weight.span(), w.bias.span(), n_, mean_, rstd_, T(1e-5));
    }
    template <class Weights>
    void block(const Weights& w, std::size_t layer) {
        norm(w.norm1);
        kernel::gemm<T>(sequences_, n_.data(), width, w.attention.in.forward, qkv_.data(), 3 * width,
                        {.bias = w.attention.in.bias.data()});
        for (std::size_t n = 0; n < sequences_; ++n)
            for (std::size_t head = 0; head < C.heads; ++head) attend(layer, n, head);
        kernel::gemm<T>(sequences_, o_.data(), width, w.attention.out.forward, n_.data(), width,
                        {.bias = w.attention.out.bias.data()});
        kernel::add<T>(x_, n_, x_);
        norm(w.norm2);
        kernel::gemm<T>(sequences_, n_.data(), width, w.up.forward, h_.data(), 4 * width, {.bias = w.up.bias.data()});
        kernel::gelu_forward<T>(h_, h_);
        kernel::gemm<T>(sequences_, h_.data(), 4 * width, w.down.forward, n_.data(), width, {.bias = w.down.bias.data()});
        kernel::add<T>(x_, n_, x_);
    }
    void attend(std::size_t layer, std::size_t n, std::size_t head) {
        const T* q = qkv_.data() + n * 3 * width + head * head_width;
        auto& keys = keys_[(layer * sequences_ + n) * C.heads + head];
        auto& values = values_[(layer * sequences_ + n) * C.heads + head];
        for (std::size_t i = 0; i < head_width; ++i) {
            keys.at(i, position_) = q[width + i];
            values.at(position_, i) = q[2 * width + i];
        }
        const std::size_t seen = position_ + 1;
        const T scale = T(1) / std::sqrt(static_cast<T>(head_width));
        T largest, inverse;
        kernel::gemm<T>(1, q, 3 * width, keys, {head_width, seen}, p_.data(), seen);
        kernel::detail::causal_row<T>({p_.data(), seen}, seen, scale, largest, inverse);
        kernel::gemm<T>(1, p_.data(), seen, values, {seen, head_width}, o_.data() + n * width + head * head_width, width);
    }

    std::size_t sequences_, position_ = 0;
    std::vector<kernel::Panels<T>> keys_, values_;
    Buffer<T> x_, n_, o_, qkv_, h_, p_, mean_, rstd_, logits_;
};

}  // namespace tessera
