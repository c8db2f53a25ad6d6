#pragma once
// The loop of sample_any_order() and complete(): tokens that are no_token are drawn, all others are known.
//
// Sequences with the same number of known tokens are distributed in parts, each with one AnyOrderCache. The label and
// the known tokens go through the cache first, in few passes; then each pass feeds what the last one drew, and queries
// for the positions of this one, in pieces where these are many.

#include <tessera/core/rng.hpp>
#include <tessera/core/token.hpp>
#include <tessera/gpt/any_order_net.hpp>
#include <tessera/gpt/any_order_options.hpp>
#include <tessera/gpt/detail/any_order_cache.hpp>
#include <tessera/gpt/draw_token.hpp>
#include <tessera/gpt/frozen_any_order_gpt.hpp>
#include <tessera/gpt/guidance.hpp>
#include <tessera/kernel/threads/parallel.hpp>
#include <tessera/kernel/threads/team.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::detail {

/// Some of the sequences of a call, all with as many known tokens, in one cache.
template <GptConfig C, std::floating_point T>
class AnyOrderPart {
    using Frozen = FrozenAnyOrderGpt<C, T>;
    using Input = AnyOrderInput<C>;
    // Rows of a pass that only reads tokens, and of one that draws: its logits take as many times vocab elements.
    static constexpr std::size_t most_rows = 512, most_drawn = 2048;

    // Rows of each sequence in one pass. Content 0 is the label, content k the token drawn or known as the k-th;
    // query k is for the token after those.
    struct Pass {
        std::size_t content, content_end, query, query_end, first_position;
        std::size_t contents() const { return content_end - content; }
        std::size_t rows() const { return contents() + query_end - query; }
    };

public:
    /// `members`: the sequences of this part, as indices into `tokens`, which are those of the call.
    AnyOrderPart(const Frozen& frozen, const AnyOrderOptions& options, const Rng& own,
                 std::span<const std::size_t> members, std::span<Token> tokens, std::size_t workers)
        : frozen_{&frozen}, workers_{workers}, count_{members.size()} {
        orders_.reserve(count_ * C.context);
        for (const std::size_t n : members) {
            const SequenceOptions& one = each_.emplace_back(options.sample.sequence(n));
            streams_.push_back(one.seed ? Rng{*one.seed} : own.split(n));
            guided_ = guided_ || one.guidance.is_on();
            tokens_.push_back(tokens.subspan(n * C.context, C.context));
            labels_.push_back(options.sample.labels.empty() ? C.null_token() : C.label_token(options.sample.labels[n]));
            add_order(options.order);
        }
        rows_ = guided_ ? 2 * count_ : count_;
        plan(options.passes);
        input_.resize(rows_ * most_);
        places_.resize(rows_ * most_);
        sort_scratch_.resize(workers * C.vocab);
    }

    void run() {
        AnyOrderCache<Frozen> cache{{.sequences = rows_, .tokens = most_, .workers = workers_}};
        for (std::size_t i = 0; i < count_; ++i) fill_input(0, i);
        kernel::run_team(workers_, passes_.size(),
                         [&](kernel::Worker& me, std::size_t round) { run_pass(cache, me, round); });
    }

private:
    /// Of the last sequence: the known positions, then the others, each in raster order or shuffled.
    void add_order(TokenOrder kind) {
        const std::size_t begin = orders_.size();
        for (const bool known : {true, false})
            for (std::size_t i = 0; i < C.context; ++i)
                if ((tokens_.back()[i] != no_token) == known) orders_.push_back(static_cast<std::uint32_t>(i));
        known_ = C.context - static_cast<std::size_t>(std::ranges::count(tokens_.back(), no_token));
        if (kind != TokenOrder::random) return;
        const std::span<std::uint32_t> order = std::span{orders_}.subspan(begin);
        shuffle_positions(order.first(known_), streams_.back().split(0));
        shuffle_positions(order.subspan(known_), streams_.back().split(1));
    }

    void plan(std::size_t passes) {
        const std::size_t unknown = C.context - known_;
        if (passes == 0 || passes > unknown) passes = unknown;
        const std::size_t chunk = (std::max)(std::size_t{1}, most_rows / rows_);
        const std::size_t piece = (std::max)(std::size_t{2}, most_drawn / rows_);
        std::size_t fed = 0;  // contents: the label, then tokens
        const auto read = [&](std::size_t end, std::size_t most) {
            for (; end - fed > most; fed += chunk) add_pass({fed, fed + chunk, 0, 0, 0});
        };
        read(known_ + 1, chunk);
        for (std::size_t r = 1, drawn = known_; r <= passes; ++r) {
            const std::size_t contents = drawn + 1, end = known_ + drawn_after(unknown, passes, r);
            read(contents, piece - 1);
            // what does not fit is queried after the same contents
            for (std::size_t query = drawn; query < end; fed = contents) {
                const std::size_t most = (std::min)(end, query + piece - (contents - fed));
                add_pass({fed, contents, query, most, 0});
                query = most;
            }
            drawn = end;
        }
    }
    void add_pass(Pass pass) {
        pass.first_position = positions_.size();
        for (std::size_t k = pass.content; k < pass.content_end; ++k) positions_.push_back(k);
        positions_.resize(pass.first_position + pass.rows(), C.context + pass.content_end - 1);
        most_ = (std::max)(most_, pass.rows());
        passes_.push_back(pass);
    }

    std::span<const std::uint32_t> order_of(std::size_t i) const {
        return std::span{orders_}.subspan(i * C.context, C.context);
    }
    /// The rows of sequence i in a pass; with guidance the same for the null class.
    void fill_input(std::size_t round, std::size_t i) {
        const Pass& pass = passes_[round];
        const auto order = order_of(i);
        for (std::size_t r = i; r < rows_; r += count_) {
            std::size_t at = r * pass.rows();
            const auto add = [&](typename Input::Row row) {
                input_[at] = row.token;
                places_[at++] = row.place;
            };
            for (std::size_t k = pass.content; k < pass.content_end; ++k)
                add(k == 0 ? Input::label(r < count_ ? labels_[i] : C.null_token())
                           : Input::content(tokens_[i][order[k - 1]], order[k - 1]));
            for (std::size_t k = pass.query; k < pass.query_end; ++k) add(Input::query(order[k]));
        }
    }

    void run_pass(AnyOrderCache<Frozen>& cache, kernel::Worker& me, std::size_t round) {
        const Pass& pass = passes_[round];
        const std::span<T> logits =
            cache.step(*frozen_, std::span<const Token>{input_}.first(rows_ * pass.rows()), places_,
                       std::span<const std::size_t>{positions_}.subspan(pass.first_position, pass.rows()), me);
        const auto [from, to] = me.share(count_);
        for (std::size_t i = from; i < to; ++i) {
            for (std::size_t k = pass.query; k < pass.query_end; ++k) {
                const auto row = [&](std::size_t r) {
                    const std::size_t at = r * pass.rows() + pass.contents() + k - pass.query;
                    return logits.subspan(at * C.vocab, C.vocab);
                };
                tokens_[i][order_of(i)[k]] = draw(i, k, row(i), guided_ ? row(count_ + i) : std::span<T>{}, me.id());
            }
            if (round + 1 < passes_.size()) fill_input(round + 1, i);
        }
    }
    /// The k-th token of sequence i. `uncond` are the logits for the null class.
    Token draw(std::size_t i, std::size_t k, std::span<T> row, std::span<const T> uncond, std::size_t worker) {
        if (guided_) {
            const float w = each_[i].guidance.at(k, C.context);
            if (w < 1 || w > 1) guide<T>(uncond, row, static_cast<T>(w));  // with 1 the bits are those without guidance
        }
        const std::span<Token> order{sort_scratch_.data() + worker * C.vocab, C.vocab};
        return draw_token<T>(row, each_[i].draw, order, streams_[i]);
    }

    const Frozen* frozen_;
    std::size_t workers_, count_;
    std::size_t known_ = 0;  // tokens of each sequence
    bool guided_ = false;
    std::size_t rows_ = 0, most_ = 0;  // sequences of the cache (guided: then those for the null class); rows of a pass
    std::vector<SequenceOptions> each_;
    std::vector<Rng> streams_;
    std::vector<std::span<Token>> tokens_;
    std::vector<Token> labels_, input_, sort_scratch_;
    std::vector<std::uint32_t> orders_, places_;
    std::vector<Pass> passes_;
    std::vector<std::size_t> positions_;
};

/// Draws every token that is no_token. `tokens` are the sequences, one after another.
template <GptConfig C, std::floating_point T>
void draw_any_order(const FrozenAnyOrderGpt<C, T>& frozen, const AnyOrderOptions& options, const Rng& own,
                    std::span<Token> tokens) {
    constexpr std::size_t together = 32;  // rows in one cache, whose products share each load of the weights
    constexpr std::size_t few = 8;
    // the sequences that have something to draw, by their number of unknown tokens
    std::vector<std::size_t> members, unknown;
    for (std::size_t n = 0; n < tokens.size() / C.context; ++n) {
        const auto one = tokens.subspan(n * C.context, C.context);
        unknown.push_back(static_cast<std::size_t>(std::ranges::count(one, no_token)));
        if (unknown.back() > 0) members.push_back(n);
    }
    if (members.empty()) return;
    std::ranges::sort(members, {}, [&](std::size_t n) { return std::pair{unknown[n], n}; });

    const std::size_t threads = kernel::concurrency(), each = options.sample.is_guided() ? 2 : 1;
    const std::size_t max_rows = options.sample.max_rows;
    const std::size_t most = max_rows == 0 ? members.size() : (std::min)(members.size(), max_rows / each);
    // Few sequences: all threads share the work of each pass. More: each thread has separate sequences.
    const bool shared = most <= few;
    const std::size_t workers = shared ? threads : 1, slot_count = shared ? 1 : (std::min)(most, threads);
    const std::size_t size = (std::min)({together / each, max_rows == 0 ? together : most / slot_count,
                                         (members.size() + slot_count - 1) / slot_count});
    std::vector<std::span<const std::size_t>> parts;
    for (std::size_t begin = 0, end = 0; begin < members.size(); begin = end) {
        while (end < members.size() && end - begin < size && unknown[members[end]] == unknown[members[begin]]) ++end;
        parts.push_back(std::span<const std::size_t>{members}.subspan(begin, end - begin));
    }
    kernel::for_each_slot(parts.size(), slot_count, [&](std::size_t part, std::size_t) {
        AnyOrderPart<C, T>{frozen, options, own, parts[part], tokens, workers}.run();
    });
}

}  // namespace tessera::detail
