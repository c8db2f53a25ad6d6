#pragma once
// DataPosition: the position of a run in its data, so that a resumed run continues there. It is saved with the trainer.
//
//     DataPosition position{rng};
//     if (auto last = checkpoints.newest()) io::load(last->file, trainer, position);
//     while (position.passes() < epochs)
//         for (auto&& batch : batches(digits, 64, position)) {
//             trainer.step(batch);
//             if (is_time(trainer)) checkpoints.save(trainer.steps(), io::collect(trainer, position));
//         }
//
// A batch counts as done as soon as the loop receives it: save after the step, not before. The last batch of a pass
// also completes the pass. The order of pass p is that of the generator's stream p.
//
// Its state in a file:
//          data.rng                   the generator of the order
//          data.passes                completed passes
//          data.next                  completed batches of the current pass; 0 between two passes
//          data.size, data.examples   of the last pass: another batch size would skip or repeat examples; 0: not known,
//                                     or another one was accepted
//          data.shuffle, data.balance_classes, data.drop_last
//                                     of the last pass: 0 no, 1 yes, 2 not known: no pass has begun, or the file is
//                                     older than these leaves; 3 no, 4 yes, but the next batch may have another. With
//                                     another value a run continues in another order, or with fewer steps a pass
//
// Another value of these three is refused after a load and in the middle of a pass, unless io::load was told to accept
// it: {.accept = {"shuffle", "balance_classes", "drop_last"}}. The value of the file is then replaced by that of the
// next batch, and kept if that is the same. The same holds for data.size and data.examples after a load between two
// passes ({.accept = {"size", "examples"}}); a pass that was begun has to be finished with them. Between two passes a
// running program may change all five.
//
// Errors   ArgumentError where the current pass was begun with another batch size or number of examples, or where one
//          of the five differs from a file

#include <tessera/core/error.hpp>
#include <tessera/core/param_path.hpp>
#include <tessera/core/param_ref.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/setting.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI::data {

class DataPosition {
public:
    static constexpr std::string_view kind = "data";
    /// Which examples a pass has, in which order (BatchOptions).
    struct Order {
        bool shuffle = true, balance_classes = false, drop_last = false;
    };

    /// Draws a new stream of the generator.
    explicit DataPosition(Rng& rng) : rng_{rng.fork()} {}

    std::uint64_t passes() const { return passes_; }
    /// Completed batches of the current pass.
    std::uint64_t next() const { return next_; }

    /// The generator of the order of the current pass, or of the next one between two passes.
    Rng order() const { return rng_.split(passes_); }
    /// Throws ArgumentError if the current pass was begun with other sizes, or in another order.
    void check_pass(std::size_t size, std::size_t examples, const Order& order) const {
        if (next_ != 0 && (size != size_ || examples != examples_))
            throw ArgumentError("DataPosition: in the middle of a pass: " +
                                expected_got(pass_text(size_, examples_), pass_text(size, examples)));
        if (loaded_) {
            check_size("size", size_, size);
            check_size("examples", examples_, examples);
        }
        const auto now = values_of(order);
        for (std::size_t i = 0; i < options.size(); ++i) check_option(options[i], order_[i], now[i]);
    }
    /// Counts the batch `index` of a pass of `count` batches as done.
    void advance(std::size_t index, std::size_t count, std::size_t size, std::size_t examples, const Order& order) {
        size_ = size;
        examples_ = examples;
        const auto now = values_of(order);
        for (std::size_t i = 0; i < options.size(); ++i) order_[i] = now[i] ? yes : no;
        loaded_ = false;
        next_ = index + 1 == count ? 0 : index + 1;
        if (next_ == 0) ++passes_;
    }

    template <class F, class... P>
    static void each_state(F&& f, P&... positions) {
        auto named = with_prefix("data", f);
        Rng::each_state(named, positions.rng_...);
        visit_refs(named, "passes", ParamRef{positions.passes_}...);
        visit_refs(named, "next", ParamRef{positions.next_}...);
        visit_refs(named, "size", ParamRef{positions.size_}...);
        visit_refs(named, "examples", ParamRef{positions.examples_}...);
        for (std::size_t i = 0; i < options.size(); ++i)
            visit_refs(named, options[i], ParamRef{positions.order_[i]}...);
    }
    /// The host's values are not known before its next batch.
    [[nodiscard]] std::vector<Setting> settings() const {
        std::vector<Setting> all;
        for (const char* name : options)
            all.push_back({name,
                           "that of the next batches",
                           {std::string{"data."} + name},
                           true,
                           {"false", "true", "", "false", "true"}});
        for (const char* name : sizes)
            all.push_back({name, "that of the next batches", {std::string{"data."} + name}, true, {}});
        return all;
    }
    /// Until the next batch or load. It is kept in the leaves, so that dist::broadcast_state gives it to all processes.
    void accepted(std::span<const std::string> settings) noexcept {
        for (std::size_t i = 0; i < options.size(); ++i) {
            std::uint64_t& value = order_[i];
            if (value >= accepted_no) value -= accepted_no;  // by the run that wrote the file
            if (value <= yes && contains(settings, options[i])) value += accepted_no;
        }
        if (next_ == 0) {
            if (contains(settings, sizes[0])) size_ = 0;
            if (contains(settings, sizes[1])) examples_ = 0;
        }
    }
    [[nodiscard]] static bool optional_in_file(std::string_view leaf) {
        return std::any_of(options.begin(), options.end(), [&](const char* name) { return is_leaf_of(name, leaf); });
    }
    void fill_missing(std::span<const std::string> missing) noexcept {
        for (const std::string& leaf : missing)
            for (std::size_t i = 0; i < options.size(); ++i)
                if (is_leaf_of(options[i], leaf)) order_[i] = unknown;
    }
    void state_changed() { loaded_ = true; }

private:
    static constexpr std::uint64_t no = 0, yes = 1, unknown = 2, accepted_no = 3;  // and accepted yes: 4
    /// The names of Order's members, in the order of values_of and order_.
    static constexpr std::array<const char*, 3> options{"shuffle", "balance_classes", "drop_last"};

    static constexpr std::array<const char*, 2> sizes{"size", "examples"};

    static bool contains(std::span<const std::string> settings, const char* name) {
        return std::find(settings.begin(), settings.end(), name) != settings.end();
    }
    static std::array<bool, 3> values_of(const Order& order) {
        return {order.shuffle, order.balance_classes, order.drop_last};
    }
    static bool is_leaf_of(std::string_view option, std::string_view leaf) {
        return leaf.starts_with("data.") && leaf.substr(5) == option;
    }
    void check_option(const std::string& option, std::uint64_t before, bool now) const {
        if ((next_ == 0 && !loaded_) || before > yes || (before == yes) == now) return;
        const std::string got = now ? "true" : "false";
        throw ArgumentError("DataPosition: " + std::string{loaded_ ? "" : "in the middle of a pass: "} + option + ": " +
                            expected_got(now ? "false" : "true", got) +
                            (loaded_ ? "; LoadOptions{.accept = {\"" + option + "\"}} keeps " + got : ""));
    }
    /// `before` 0: of a run without a pass, or accepted.
    static void check_size(const std::string& name, std::uint64_t before, std::size_t now) {
        if (before == 0 || before == now) return;
        const std::string got = std::to_string(now);
        throw ArgumentError("DataPosition: " + name + ": " + expected_got(std::to_string(before), got) +
                            "; LoadOptions{.accept = {\"" + name + "\"}} keeps " + got);
    }
    static std::string pass_text(std::uint64_t size, std::uint64_t examples) {
        return "batches of " + std::to_string(size) + " of " + std::to_string(examples) + " examples";
    }

    Rng rng_;
    std::uint64_t passes_ = 0, next_ = 0, size_ = 0, examples_ = 0;
    std::array<std::uint64_t, 3> order_{unknown, unknown, unknown};
    bool loaded_ = false;  // since the last batch
};

}  // namespace tessera::data

namespace tessera::inline TESSERA_ABI {
using data::DataPosition;
}  // namespace tessera
