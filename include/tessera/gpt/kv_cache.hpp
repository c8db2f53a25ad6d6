#pragma once
// One token at a time: what a sequence has seen so far is kept as keys and values of each layer, and each step adds one of
// each. Whoever steps alone and has many heads keeps them in the order of kernel/attention_step_lanes.hpp, a team or few
// heads in that of attention_step.hpp.
//
// The logits, in float, have the same bits as those of the whole sequence at once: every sum runs in the same order. More steps
// than the context has places, and a token that has no embedding, are errors.

#include <tessera/core/error.hpp>
#include <tessera/gpt/block.hpp>
#include <tessera/gpt/gpt.hpp>
#include <tessera/kernel/attention_step.hpp>
#include <tessera/kernel/attention_step_lanes.hpp>
#include <tessera/kernel/denormals.hpp>
#include <tessera/kernel/elementwise.hpp>
#include <tessera/kernel/gemm.hpp>
#include <tessera/kernel/layer_norm.hpp>
#include <tessera/kernel/panels.hpp>
#include <tessera/kernel/team.hpp>

#include <algorithm>
#include <concepts>
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
    using Packed = typename Model::Packed;
    static constexpr std::size_t width = C.width, head_width = C.width / C.heads;

public:
    /// `members`: how many threads of a team may take a step together.
    explicit KvCache(std::size_t sequences, std::size_t members = 1)
        : sequences_{sequences}, wide_{members == 1 && std::same_as<T, float> &&
                                       kernel::GrownLanes::suits(sequences * C.heads, head_width)},
          heads_{wide_ ? 0 : C.layers * sequences * C.heads, C.context, head_width},
          lanes_{wide_ ? C.layers : 0, sequences * C.heads, C.context, head_width}, notes_(members) {
        if (members == 0) throw ArgumentError("KvCache: members: " + expected_got("at least 1", "0"));
        for (Notes& own : notes_) {
            own.n.resize(sequences * width), own.scratch.resize(wide_ ? lanes_.scratch() : heads_.scratch());
            own.mean.resize(sequences), own.rstd.resize(sequences);
        }
        x_.resize(sequences * width), o_.resize(sequences * width), logits_.resize(sequences * C.vocab);
        qkv_.resize(sequences * 3 * width), h_.resize(sequences * 4 * width);
    }
    std::size_t sequences() const { return sequences_; }
    std::size_t position() const { return position_; }
    void restart() { position_ = 0; }

    /// Feeds one token a sequence (a label token first); returns their logits, sequences x vocab.
    std::span<T> step(const Packed& w, std::span<const Token> tokens) {
        kernel::Member alone;
        return step(w, tokens, alone);
    }
    /// The same by all members of a team, each with its share of every product. They must wait before the next step.
    std::span<T> step(const Packed& w, std::span<const Token> tokens, kernel::Member& me) {
        if (me.size() > notes_.size())
            throw ArgumentError("KvCache: members: " + expected_got("at most " + std::to_string(notes_.size()),
                                                                    std::to_string(me.size())));
        kernel::in_own_mode([&] {
            if (me.index() == 0) {
                check_tokens(tokens);
                const auto& embedding = std::get<0>(w.items);
                for (std::size_t n = 0; n < sequences_; ++n)
                    kernel::add<T>({embedding.token.data() + tokens[n] * width, width},
                                   {embedding.position.data() + position_ * width, width}, {x_.data() + n * width, width});
            }
            me.wait();
            for (std::size_t layer = 0; layer < C.layers; ++layer)
                block(GptBlockWeights{std::get<1>(w.items).items[layer]}, layer, me);
            product(norm(std::get<2>(w.items), me), width, std::get<3>(w.items).forward, logits_, nullptr, me);
            me.wait();
            if (me.index() == 0) ++position_;
        });
        return logits_;
    }

private:
    struct Notes {
        Buffer<T> n, scratch, mean, rstd;
    };

    void check_tokens(std::span<const Token> tokens) const {
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
    // Every member for itself: cheaper than to wait for one of them.
    template <class Norm>
    const T* norm(const Norm& w, kernel::Member& me) {
        Notes& own = notes_[me.index()];
        kernel::layer_norm_forward<T>(x_, w.weight.span(), w.bias.span(), own.n, own.mean, own.rstd, T(1e-5));
        return own.n.data();
    }
    // This member's columns of y = bias + x W, or y += where `onto`.
    struct Columns {
        std::size_t first, count;
    };
    Columns product(const T* x, std::size_t k, const kernel::Panels<T>& w, std::span<T> y, const T* bias,
                    kernel::Member& me, bool onto = false) {
        const std::size_t n = w.columns(), panel = kernel::panel_width;
        const auto [begin, end] = me.share((n + panel - 1) / panel);
        const std::size_t first = begin * panel, last = (std::min)(n, end * panel);
        if (first >= last) return {0, 0};
        T* out = y.data() + first;
        kernel::gemm<T>(sequences_, x, k, w, {.k = k, .n = last - first, .first = first}, out, n,
                        {.bias = bias ? bias + first : nullptr, .add = onto ? out : nullptr});
        return {first, last - first};
    }
    // This member's heads of all sequences.
    void attend(std::size_t layer, kernel::Member& me) {
        const auto [begin, end] = me.share(sequences_ * C.heads);
        const auto at = [&, first = begin](T* rows, std::size_t row) {
            return [=](std::size_t i) { return rows + (first + i) / C.heads * row + (first + i) % C.heads * head_width; };
        };
        const auto in = at(qkv_.data(), 3 * width), out = at(o_.data(), width);
        T* const scratch = notes_[me.index()].scratch.data();
        if constexpr (std::same_as<T, float>)
            if (wide_) return lanes_.step(layer, position_, width, in, out, scratch);
        heads_.step(layer * sequences_ * C.heads + begin, end - begin, position_, width, in, out, scratch);
    }
    template <class Weights>
    void block(const Weights& w, std::size_t layer, kernel::Member& me) {
        product(norm(w.norm1, me), width, w.attention.in.forward, qkv_, w.attention.in.bias.data(), me);
        me.wait();
        attend(layer, me);
        me.wait();
        product(o_.data(), width, w.attention.out.forward, x_, w.attention.out.bias.data(), me, true);
        me.wait();
        const Columns up = product(norm(w.norm2, me), width, w.up.forward, h_, w.up.bias.data(), me);
        for (std::size_t n = 0; n < sequences_; ++n) {
            const std::span<T> h{h_.data() + n * 4 * width + up.first, up.count};
            kernel::gelu_forward<T>(h, h);
        }
        me.wait();
        product(h_.data(), 4 * width, w.down.forward, x_, w.down.bias.data(), me, true);
        me.wait();
    }

    std::size_t sequences_, position_ = 0;
    bool wide_;
    kernel::GrownHeads<T> heads_;  // [layer][sequence][head]
    kernel::GrownLanes lanes_;     // the same, if they are many
    std::vector<Notes> notes_;     // of each member
    Buffer<T> x_, o_, qkv_, h_, logits_;
};

}  // namespace tessera
