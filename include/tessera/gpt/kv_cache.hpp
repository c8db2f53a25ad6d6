#pragma once
// KvCache: the state of the layers of a Gpt for a few sequences that are extended together, some tokens at a time.
//
// For a GptBlock that is the keys and values of its attention, which CausalAttentionLayer::step appends
// (nn/causal_attention.hpp); for a user's block it is the State of its layers (nn/step.hpp). In float the logits have
// the bits of Gpt::logits of the whole sequence: every sum runs in the same order.
//
// Shapes   tokens [sequences, tokens of the step], logits [sequences, tokens of the step, vocab]
// Errors   ArgumentError for a capacity of 0, another number of tokens than the capacity allows, more tokens than the
//          context, more workers than the capacity, or a rewind of more than the last step; DataError for a token
//          without an embedding; static_assert where a layer of the block does not support steps
// Cost     memory per sequence: 2 layers context width elements for a GptBlock. A step costs the products of its tokens
//          and attention over the tokens so far, and allocates nothing

#include <tessera/core/buffer.hpp>
#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/gpt/frozen_gpt.hpp>
#include <tessera/gpt/gpt_config.hpp>
#include <tessera/kernel/threads/team.hpp>
#include <tessera/nn/step.hpp>

#include <cstddef>
#include <span>
#include <string>

namespace tessera::inline TESSERA_ABI {

/// Sequences that are extended together. Model: a Gpt or its FrozenGpt.
template <class Model>
class KvCache {
    static constexpr GptConfig C = Model::config;
    using T = typename Model::Scalar;
    using Net = typename Model::Net;
    using Frozen = FrozenGpt<C, Net>;
    static_assert(nn::CanStep<Net>, "KvCache: a layer of the block cannot take one token at a time: it needs "
                                    "`static constexpr nn::Steps steps{.per_token = true}` or a step, see nn/step.hpp");

public:
    /// `capacity.workers`: the largest team that can run a step; `capacity.tokens`: the most tokens of a sequence in a
    /// step.
    explicit KvCache(const nn::Capacity& capacity)
        : capacity_{checked(capacity)}, state_{capacity_}, scratch_{capacity_}, logits_(capacity_.rows() * C.vocab) {}
    explicit KvCache(std::size_t sequences) : KvCache(nn::Capacity{.sequences = sequences}) {}

    [[nodiscard]] std::size_t sequences() const { return capacity_.sequences; }
    /// Tokens of each sequence so far.
    [[nodiscard]] std::size_t position() const { return position_; }
    void restart() { first_ = position_ = 0; }
    /// Forgets the last `tokens` of each sequence, at most those of the last step.
    void rewind(std::size_t tokens) {
        if (tokens > position_ - first_)
            throw ArgumentError("KvCache: rewind: " +
                                expected_got("at most " + std::to_string(position_ - first_), std::to_string(tokens)));
        position_ -= tokens;
    }

    /// Feeds the next tokens, [sequence][token] (a label token first); returns the logits after each of them,
    /// [sequence][token][vocab].
    [[nodiscard]] std::span<T> step(const Frozen& frozen, std::span<const Token> tokens) {
        kernel::Worker alone;
        return step(frozen, tokens, alone);
    }
    /// The same by all workers of a team, each with its share of every product. They must synchronise before the next
    /// step.
    [[nodiscard]] std::span<T> step(const Frozen& frozen, std::span<const Token> tokens, kernel::Worker& worker) {
        if (worker.size() > capacity_.workers)
            throw ArgumentError("KvCache: workers: " + expected_got("at most " + std::to_string(capacity_.workers),
                                                                    std::to_string(worker.size())));
        const std::size_t count = tokens.size() / capacity_.sequences;
        check_tokens(tokens, count);
        with_fp_environment([&] {
            nn::Step at{.worker = worker, .sequences = capacity_.sequences, .tokens = count, .position = position_};
            Net::step(frozen.weights(), {tokens.data(), tokens.size()}, {logits_.data(), tokens.size()}, state_,
                      scratch_, at);
            at.wait();
            if (worker.id() == 0) {
                first_ = position_;
                position_ += count;
            }
        });
        return std::span<T>{logits_}.first(tokens.size() * C.vocab);
    }

private:
    static const nn::Capacity& checked(const nn::Capacity& capacity) {
        const auto positive = [](const char* what, std::size_t value) {
            if (value == 0)
                throw ArgumentError(std::string{"KvCache: "} + what + ": " + expected_got("at least 1", "0"));
        };
        positive("sequences", capacity.sequences);
        positive("tokens", capacity.tokens);
        positive("workers", capacity.workers);
        return capacity;
    }
    // Called by every worker, so that none computes with tokens that another is about to refuse.
    void check_tokens(std::span<const Token> tokens, std::size_t count) const {
        const std::size_t sequences = capacity_.sequences;
        if (count == 0 || count > capacity_.tokens || tokens.size() != sequences * count) {
            const std::string most =
                capacity_.tokens == 1 ? "" : " x 1 to " + std::to_string(capacity_.tokens) + " tokens";
            throw ArgumentError("KvCache: tokens: " +
                                expected_got(std::to_string(sequences) + most, std::to_string(tokens.size())));
        }
        if (position_ + count > C.context)
            throw ArgumentError("KvCache: position: " + expected_got("less than " + std::to_string(C.context),
                                                                     std::to_string(position_ + count - 1)));
        for (std::size_t n = 0; n < tokens.size(); ++n)
            if (tokens[n] >= C.embeddings())
                throw DataError("KvCache: token of sequence " + std::to_string(n / count) + ": " +
                                expected_got("less than " + std::to_string(C.embeddings()), std::to_string(tokens[n])));
    }

    nn::Capacity capacity_;
    std::size_t first_ = 0, position_ = 0;  // where the last step began, and where the next one begins
    typename Net::State state_;
    typename Net::Scratch scratch_;
    Buffer<T> logits_;
};

}  // namespace tessera
