#pragma once
// The loop of sample() and complete(): tokens that are no_token are drawn, all others are known.
//
// Sequences are distributed in parts, each with one KvCache. The known tokens that all sequences of a part begin with
// go through the cache in few steps; then each step extends every sequence of the part by one token, drawn or known.

#include <tessera/core/rng.hpp>
#include <tessera/core/token.hpp>
#include <tessera/gpt/drawn_token.hpp>
#include <tessera/gpt/frozen_gpt.hpp>
#include <tessera/gpt/gpt_config.hpp>
#include <tessera/gpt/guidance.hpp>
#include <tessera/gpt/kv_cache.hpp>
#include <tessera/gpt/sample_options.hpp>
#include <tessera/kernel/simd/across_lanes.hpp>
#include <tessera/kernel/softmax.hpp>
#include <tessera/kernel/threads/parallel.hpp>
#include <tessera/kernel/threads/team.hpp>
#include <tessera/nn/layer.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace tessera::inline TESSERA_ABI::detail {

/// Some of the sequences of a call, in one cache.
template <GptConfig C, nn::Layer Net, class OnToken>
class SamplerPart {
    using Frozen = FrozenGpt<C, Net>;
    using T = typename Net::Scalar;
    static constexpr bool streams = !std::same_as<OnToken, NoCallback>;
    // Rows of a step that reads known tokens: its logits take most_rows x vocab elements.
    static constexpr std::size_t most_rows = 512;

public:
    /// Sequences first .. first + count - 1; `tokens` are theirs.
    SamplerPart(const Frozen& frozen, const SampleOptions& options, const Rng& own, std::size_t first,
                std::span<Token> tokens, std::size_t workers, OnToken& on_token)
        : frozen_{&frozen}, on_token_{&on_token}, first_{first}, tokens_{tokens}, workers_{workers} {
        count_ = tokens.size() / C.context;
        known_ = C.context;
        for (std::size_t i = 0; i < count_; ++i) {
            const SequenceOptions& one = each_.emplace_back(options.sequence(first + i));
            streams_.push_back(one.seed ? Rng{*one.seed} : own.split(first + i));
            const auto begin = tokens.subspan(i * C.context, C.context);
            guided_ = guided_ || one.guidance.is_on();
            known_ = (std::min)(
                known_, static_cast<std::size_t>(std::find(begin.begin(), begin.end(), no_token) - begin.begin()));
        }
        if (known_ == C.context) return;  // nothing to draw
        rows_ = guided_ ? 2 * count_ : count_;
        chunk_ = (std::min)(known_ + 1, (std::max)(std::size_t{1}, most_rows / rows_));
        reads_ = (known_ + chunk_) / chunk_;
        fill_known(options);
        next_.resize(rows_);
        order_.resize(workers * C.vocab);
        if constexpr (streams) {
            logits_.resize(workers * C.vocab);
            drawn_.resize(count_);
            ended_.resize(count_);
        }
    }

    void run() {
        if (known_ == C.context) return;
        KvCache<Frozen> cache{{.sequences = rows_, .tokens = chunk_, .workers = workers_}};
        kernel::run_team(workers_, reads_ + C.context - 1 - known_,
                         [&](kernel::Worker& me, std::size_t round) { run_round(cache, me, round); });
    }

private:
    /// The input of the first `reads_` steps, one after another: the label and the known tokens.
    void fill_known(const SampleOptions& options) {
        const std::size_t inputs = known_ + 1;
        for (std::size_t begin = 0; begin < inputs; begin += chunk_)
            for (std::size_t row = 0; row < rows_; ++row)
                for (std::size_t i = begin; i < (std::min)(begin + chunk_, inputs); ++i) {
                    const std::size_t n = row % count_;
                    if (i > 0)
                        read_.push_back(tokens_[n * C.context + i - 1]);
                    else if (row >= count_ || options.labels.empty())
                        read_.push_back(C.null_token());
                    else
                        read_.push_back(C.label_token(options.labels[first_ + n]));
                }
    }

    void run_round(KvCache<Frozen>& cache, kernel::Worker& me, std::size_t round) {
        if (done_) return;
        const bool reads = round < reads_;
        const std::size_t begin = round * chunk_, inputs = known_ + 1;
        const std::size_t count = reads ? (std::min)(chunk_, inputs - begin) : 1;
        const std::span<const Token> input =
            reads ? std::span<const Token>{read_}.subspan(begin * rows_, count * rows_) : std::span<const Token>{next_};
        const std::span<T> logits = cache.step(*frozen_, input, me);
        if (round + 1 < reads_) return;
        const std::size_t at = known_ + (round + 1 - reads_);
        const auto [from, to] = me.share(count_);
        const auto row = [&](std::size_t r) { return logits.subspan((r * count + count - 1) * C.vocab, C.vocab); };
        for (std::size_t i = from; i < to; ++i) {
            next_[i] = next_token(i, at, row(i), guided_ ? row(count_ + i) : std::span<T>{}, me.id());
            if (guided_) next_[count_ + i] = next_[i];
        }
        if constexpr (streams) {
            me.wait();
            if (me.id() == 0) report();
        }
    }

    /// The token of sequence i at this position. `uncond` are the logits for the null class.
    Token next_token(std::size_t i, std::size_t at, std::span<T> row, std::span<const T> uncond, std::size_t worker) {
        Token& token = tokens_[i * C.context + at];
        const std::span<Token> order{order_.data() + worker * C.vocab, C.vocab};
        if constexpr (streams) {
            drawn_[i].token = no_token;
            if (token != no_token) return token;
            if (ended_[i] != 0) return 0;  // any token: what follows is not drawn
            const std::span<T> logits{logits_.data() + worker * C.vocab, C.vocab};
            std::ranges::copy(row, logits.begin());
            if (guided_) guide_row(i, at, uncond, row);
            const Drawn drawn = detail::draw<T>(row, each_[i].draw, order, streams_[i]);
            const T m = kernel::simd::largest(logits.size(), logits.data());
            const T s = kernel::sum_exp<T>(logits, m);
            drawn_[i] = {.sequence = first_ + i,
                         .position = at,
                         .token = token = drawn.token,
                         .log_probability = static_cast<double>(logits[drawn.token]) - static_cast<double>(m) -
                                            std::log(static_cast<double>(s)),
                         .log_drawn = std::log(drawn.probability)};
        } else if (token == no_token) {
            if (guided_) guide_row(i, at, uncond, row);
            token = draw_token<T>(row, each_[i].draw, order, streams_[i]);
        }
        return token;
    }

    void guide_row(std::size_t i, std::size_t at, std::span<const T> uncond, std::span<T> row) const {
        const float w = each_[i].guidance.at(at, C.context);
        if (w < 1 || w > 1) guide<T>(uncond, row, static_cast<T>(w));  // with 1 the bits are those without guidance
    }

    /// Calls the callback for what this round drew.
    void report() {
        for (std::size_t i = 0; i < count_; ++i) {
            if (drawn_[i].token == no_token) continue;
            if constexpr (std::is_void_v<std::invoke_result_t<OnToken&, const DrawnToken&>>)
                (*on_token_)(drawn_[i]);
            else
                ended_[i] = !(*on_token_)(drawn_[i]);
        }
        done_ = std::find(ended_.begin(), ended_.end(), 0) == ended_.end();
    }

    const Frozen* frozen_;
    OnToken* on_token_;
    std::size_t first_;
    std::span<Token> tokens_;
    std::size_t workers_;
    std::size_t count_ = 0, known_ = 0;  // sequences; known tokens that all of them begin with
    bool guided_ = false;
    std::size_t rows_ = 0;               // of the cache: the sequences; with guidance, then those for the null class
    std::size_t chunk_ = 0, reads_ = 0;  // tokens of a sequence in a step that reads known tokens, and how many steps
    std::vector<SequenceOptions> each_;
    std::vector<Rng> streams_;
    std::vector<Token> read_, next_, order_;
    std::vector<T> logits_;  // of one token for each worker, as the model gave them
    std::vector<DrawnToken> drawn_;
    std::vector<unsigned char> ended_;
    bool done_ = false;
};

/// Draws every token that is no_token. `tokens` are the sequences, one after another.
template <GptConfig C, nn::Layer Net, class OnToken>
void draw_sequences(const FrozenGpt<C, Net>& frozen, const SampleOptions& options, const Rng& own,
                    std::span<Token> tokens, OnToken& on_token) {
    constexpr std::size_t together = 32;  // rows in one cache, whose products share each load of the weights
    constexpr std::size_t few = 8;
    const std::size_t count = tokens.size() / C.context, threads = kernel::concurrency();
    const std::size_t each = options.is_guided() ? 2 : 1;  // rows of a sequence
    if (count == 0) return;
    const std::size_t most = options.max_rows == 0 ? count : (std::min)(count, options.max_rows / each);
    // Few sequences, or a callback: all threads share the work of each token. More: each thread has separate sequences.
    const bool shared = most <= few || !std::same_as<OnToken, NoCallback>;
    const std::size_t workers = shared ? threads : 1, slot_count = shared ? 1 : (std::min)(most, threads);
    const std::size_t size = options.max_rows == 0 ? together / each : (std::min)(together / each, most / slot_count);
    const std::size_t parts = (std::max)(slot_count, (count + size - 1) / size);
    kernel::for_each_slot(parts, slot_count, [&](std::size_t part, std::size_t) {
        const std::size_t first = count * part / parts, end = count * (part + 1) / parts;
        SamplerPart<C, Net, OnToken> some{
            frozen,  options, own, first, tokens.subspan(first * C.context, (end - first) * C.context),
            workers, on_token};
        some.run();
    });
}

}  // namespace tessera::detail
