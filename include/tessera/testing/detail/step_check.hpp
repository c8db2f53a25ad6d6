#pragma once
// StepCheck: compares steps (nn/step.hpp) with forward outside training, bit for bit, for check_layer: 1, 3 and all
// tokens at a time, by 1 to 3 workers, with and without rows that are fed and rewound, and once more from the
// beginning; and that no step writes past the end of y.

#include <tessera/core/buffer.hpp>
#include <tessera/kernel/threads/team.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/step.hpp>
#include <tessera/testing/bound_layer.hpp>
#include <tessera/testing/detail/full_team.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI::testing::detail {

template <nn::Layer Net>
class StepCheck {
    using T = typename Net::Scalar;
    using X = nn::InputScalar<Net>;
    using InRow = nn::TokenRow<typename Net::Input>;
    using OutRow = nn::TokenRow<typename Net::Output>;
    static constexpr std::size_t tokens = Net::Input::dims[0];
    static constexpr bool replicated = Net::steps.sharing == nn::Sharing::replicated;
    static constexpr std::size_t past_the_rows = 64;  // elements after y, which a step must leave as they are
    static constexpr T unwritten = T(-1234.5);

    struct Fed {
        std::size_t position, count;
        std::size_t wrong;  // the last rows, which are rewound
    };

public:
    StepCheck(std::size_t batch, const BoundLayerOptions& options) : bound_{batch, options} {
        nn::begin<Net>(bound_.cache, {.places = bound_.places.data()});
        Net::forward(bound_.w, bound_.x, bound_.y.view(), bound_.cache);
    }

    /// Steps of `most` tokens; "" or the first difference. `allocations`: see LayerCheckOptions.
    std::string run(std::size_t most, std::size_t workers, bool rewinds, std::size_t (*allocations)()) {
        const std::size_t batch = bound_.x.batch();
        const nn::Capacity capacity{.sequences = batch, .tokens = most, .workers = workers};
        typename Net::State state{capacity};
        typename Net::Scratch scratch{capacity};
        const std::vector<Fed> fed = feeds(most, rewinds);
        Buffer<X> x(capacity.rows() * InRow::size);
        std::vector<std::uint32_t> places(capacity.rows());
        std::vector<Buffer<T>> y(replicated ? workers : 1, Buffer<T>(capacity.rows() * OutRow::size + past_the_rows));
        std::string failure;
        std::size_t before = 0;
        run_full_team(workers, 2 * fed.size(), [&](const kernel::Worker& me, std::size_t round) {
            const Fed& now = fed[round % fed.size()];
            if (me.id() == 0) {
                fill(now, x, places);
                for (auto& copy : y) {
                    std::ranges::fill(copy, poison<T>);
                    std::ranges::fill(std::span{copy}.subspan(batch * now.count * OutRow::size, past_the_rows),
                                      unwritten);
                }
                if (allocations && round == fed.size()) before = allocations();
            }
            me.wait();
            nn::Step at{.worker = me,
                        .sequences = batch,
                        .tokens = now.count,
                        .position = now.position,
                        .places = places.data()};
            auto& own = y[replicated ? me.id() : 0];
            Net::step(bound_.w, {x.data(), at.rows()}, {own.data(), at.rows()}, state, scratch, at);
            at.wait();
            if (me.id() == 0)
                for (const auto& copy : y) {
                    if (failure.empty()) failure = compare(now, copy);
                    if (failure.empty()) failure = written_past(at.rows() * OutRow::size, copy);
                }
        });
        if (failure.empty() && allocations && workers == 1 && allocations() != before)
            failure = "allocations after the first pass: " + expected_got(std::size_t{0}, allocations() - before);
        return failure;
    }

private:
    static std::vector<Fed> feeds(std::size_t most, bool rewinds) {
        std::vector<Fed> all;
        for (std::size_t p = 0; p < tokens; p += most) {
            const std::size_t count = (std::min)(most, tokens - p), right = count / 2;
            if (rewinds) {
                all.push_back({p, count, count - right});
                all.push_back({p + right, count - right, 0});
            } else {
                all.push_back({p, count, 0});
            }
        }
        return all;
    }
    void fill(const Fed& now, Buffer<X>& x, std::vector<std::uint32_t>& places) const {
        for (std::size_t n = 0; n < bound_.x.batch(); ++n)
            for (std::size_t t = 0; t < now.count; ++t) {
                const bool wrong = t + now.wrong >= now.count;
                const std::size_t sequence = wrong ? (n + 1) % bound_.x.batch() : n;
                const std::size_t token = wrong ? tokens - 1 - now.position - t : now.position + t;
                std::copy_n(bound_.x.data() + (sequence * tokens + token) * InRow::size, InRow::size,
                            x.data() + (n * now.count + t) * InRow::size);
                places[n * now.count + t] = bound_.places[sequence][token];
            }
    }
    std::string compare(const Fed& now, const Buffer<T>& y) const {
        constexpr std::size_t size = OutRow::size;
        for (std::size_t n = 0; n < bound_.x.batch(); ++n)
            for (std::size_t t = 0; t + now.wrong < now.count; ++t) {
                const std::size_t row = n * tokens + now.position + t;
                const std::span<const T> expected{bound_.y.data() + row * size, size};
                const std::span<const T> got{y.data() + (n * now.count + t) * size, size};
                if (const std::size_t i = first_difference<T>(expected, got); i < size)
                    return at("y", row * size + i) + ": expected " + text(static_cast<double>(expected[i])) + ", got " +
                           text(static_cast<double>(got[i]));
            }
        return "";
    }

    static std::string written_past(std::size_t size, const Buffer<T>& y) {
        std::array<T, past_the_rows> expected;
        expected.fill(unwritten);
        const std::size_t i = first_difference<T>(expected, std::span{y}.subspan(size, past_the_rows));
        if (i == past_the_rows) return "";
        return at("y", size + i) + ": written, but y of this step has " + std::to_string(size) + " elements";
    }

    BoundLayer<Net> bound_;
};

/// Nothing is checked where a layer has no steps. Options: LayerCheckOptions.
template <nn::Layer Net, class Options>
std::string check_steps(const Options& o) {
    if constexpr (nn::CanStep<Net>) {
        constexpr std::size_t tokens = Net::Input::dims[0];
        const std::size_t vocab = vocab_of<typename Net::template At<0>>(o.gradient.vocab);
        StepCheck<Net> check{o.batch, {o.gradient.seed, vocab}};
        for (const std::size_t most : {std::size_t{1}, (std::min)(std::size_t{3}, tokens), tokens})
            for (std::size_t workers = 1; workers <= 3; ++workers)
                for (const bool rewinds : {false, true}) {
                    const std::string failure = check.run(most, workers, rewinds, o.allocations);
                    if (!failure.empty())
                        return "steps: forward and " + std::to_string(most) + " of " + std::to_string(tokens) +
                               " tokens by " + std::to_string(workers) + (workers == 1 ? " worker" : " workers") +
                               (rewinds ? ", some twice: " : ": ") + failure;
                }
    }
    return "";
}

}  // namespace tessera::testing::detail
