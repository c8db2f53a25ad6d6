#pragma once
// batches: one pass over a dataset in batches, shuffled unless the options say otherwise.
//
//     for (auto&& batch : batches(digits.train, 128, rng)) stage.step(batch);
//
//     batch.x         View<const Element, Shape>; a batch without a mask converts to it
//     batch.labels    one for each example; empty if the dataset has none
//     batch.index     0, 1, 2, ...
//     batch.mask      only of a dataset with copy_mask: a View of one number for each pixel, 0 where it does not count
//
// The order depends only on the generator: a Fisher-Yates shuffle with Rng::below, the same on every machine. The
// overloads with a generator draw a new stream of it for each pass, so two epochs differ; with BatchOptions alone the
// caller chooses the stream: `.rng = Rng{seed}.split(epoch)`. With a DataPosition the order can be saved and resumed
// anywhere (data/data_position.hpp); a generator alone, saved between two passes, is enough for a run that is resumed
// there.
//
// A second loop over one range is another pass, as that of a DataLoader is: with the next stream of the generator or
// position, which must outlive the range, and with BatchOptions alone with stream 1, 2, ... of theirs.
//
// A dataset that reads ahead (data/read_ahead.hpp) is told which examples the next batch has.
//
// If the size does not divide the number of examples, the last batch is smaller, unless drop_last is set. Of several
// processes each copies only its share of a batch, which may be empty (core/batch_share.hpp); all of them see the same
// number of batches.
//
// Shapes   batch.x [batch, Shape of an example], batch = `size`, or less for the last batch and the share of a process;
//          batch.labels [batch] or empty
// Errors   ArgumentError where there would be no batch, there are 2^32 examples or more, `first` is beyond the pass,
//          rank is not less than ranks, a DataPosition in the middle of a pass belongs to other batches, or
//          balance_classes is set without labels or shuffle; StateError where the dataset becomes smaller during a
//          pass; a temporary dataset is a compile error, and so is an optional member of it that cannot be called
//          (DatasetHooksAreCallable)
// Cost     one buffer of a batch, which the next batch overwrites, and 4 bytes for each example for the shuffled order;
//          nothing is allocated for each batch
//
// Over 250 lines: the options with their checks, the batch with and without a mask, and five ways to begin a pass.

#include <tessera/core/batch_share.hpp>
#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/shuffle.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/core/to_size.hpp>
#include <tessera/data/balanced_order.hpp>
#include <tessera/data/data_position.hpp>
#include <tessera/data/dataset.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::data {

struct BatchOptions {
    bool shuffle = true;     ///< false: in the order of the dataset
    bool drop_last = false;  ///< leaves out a last batch that is smaller
    Rng rng{};  ///< stream of the order; the same stream gives the same order, so pass Rng{seed}.split(epoch)
    std::size_t first = 0;         ///< index of the first batch, to resume a run in the middle of a pass
    std::size_t rank = 0;          ///< index of this process, which gets its share of each batch
    std::size_t ranks = 1;         ///< number of processes
    bool balance_classes = false;  ///< all classes equally often, see data/balanced_order.hpp; needs shuffle
};

template <class E>
struct Batch {
    using Example = E;

    E x;
    std::span<const Label> labels;
    std::size_t index = 0;

    [[nodiscard]] std::size_t size() const { return x.batch(); }
    operator E() const { return x; }
};

/// The batch of a dataset with copy_mask. It does not convert to a View, which would lose the mask.
template <class E>
struct MaskedBatch {
    using Example = E;

    E x;
    std::span<const Label> labels;
    std::size_t index = 0;
    View<const std::uint8_t, WithLastDim<typename E::Sample, 1>> mask;

    [[nodiscard]] std::size_t size() const { return x.batch(); }
    operator E() const {
        static_assert(std::is_void_v<E>,
                      "batches: a batch with a mask does not convert to a View, which would lose the "
                      "mask: pass batch.x where all pixels count");
        return x;
    }
};

/// 0 .. count - 1 in a random order.
[[nodiscard]] inline std::vector<std::uint32_t> permutation(std::size_t count, Rng rng) {
    std::vector<std::uint32_t> order(count);
    for (std::size_t i = 0; i < count; ++i) order[i] = static_cast<std::uint32_t>(i);
    tessera::detail::shuffle(std::span{order}, rng);
    return order;
}

template <Dataset D>
class Batches {
    static_assert(sizeof(DatasetHooksAreCallable<D>) > 0);

public:
    using Example = typename D::Example;
    using Value = std::conditional_t<MaskedDataset<D>, MaskedBatch<Example>, Batch<Example>>;

    /// `position` is advanced by each batch that the range returns; `generator` is that of later passes.
    Batches(const D& dataset, std::size_t size, const BatchOptions& options, DataPosition* position = nullptr,
            Rng* generator = nullptr)
        : dataset_{&dataset}, size_{size}, position_{position}, generator_{generator}, options_{options} {
        begin_pass(options);
    }

    /// What a position stores of the options.
    [[nodiscard]] static DataPosition::Order order_of(const BatchOptions& options) {
        return {options.shuffle, options.balance_classes, options.drop_last};
    }
    /// Number of batches of a whole pass.
    [[nodiscard]] std::size_t count() const { return count_of(used_); }
    /// Number of examples of all these batches together.
    [[nodiscard]] std::size_t examples() const { return used_; }

    class Iterator {
    public:
        using value_type = Value;
        using difference_type = std::ptrdiff_t;

        Iterator() = default;
        value_type operator*() const {
            range_->returned_ = true;
            return range_->current(index_);
        }
        Iterator& operator++() {
            range_->returned_ = true;
            if (++index_ < range_->count()) range_->fill(index_);
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const Iterator& i, std::default_sentinel_t) { return i.index_ == i.range_->count(); }

    private:
        friend Batches;
        explicit Iterator(Batches& range) : range_{&range}, index_{range.first_} {
            if (index_ < range.count() && !range.is_filled_) range.fill(index_);
        }

        Batches* range_ = nullptr;
        std::size_t index_ = 0;
    };

    /// After a batch of an earlier loop, and after a load of the position: the first batch of another pass.
    Iterator begin() {
        if (returned_ || (position_ && place_ != place_of(*position_))) begin_next_pass();
        return Iterator{*this};
    }
    std::default_sentinel_t end() const { return {}; }

private:
    /// Where it throws, the range is as it was.
    void begin_pass(const BatchOptions& options) {
        const std::size_t examples = dataset_->size();
        if (examples == 0 || size_ == 0 || (options.drop_last && size_ > examples) ||
            examples > (std::numeric_limits<std::uint32_t>::max)())
            throw ArgumentError("batches: " + std::to_string(examples) + " examples in batches of " +
                                std::to_string(size_) + (options.drop_last ? ", the last one dropped" : "") +
                                ": expected at least one batch, and fewer than 2^32 examples");
        const std::size_t used = options.drop_last ? examples - examples % size_ : examples;
        const std::size_t count = count_of(used);
        if (options.first > count)
            throw ArgumentError("batches: first: " +
                                expected_got("at most " + std::to_string(count), std::to_string(options.first)));
        if (position_ && options.first == count)
            throw ArgumentError("batches: position: " +
                                expected_got("a batch less than " + std::to_string(count),
                                             std::to_string(options.first) +
                                                 "; the pass was begun with drop_last = false: finish it so"));
        if (options.rank >= options.ranks)
            throw ArgumentError("batches: rank: " + expected_got("less than " + std::to_string(options.ranks),
                                                                 std::to_string(options.rank)));
        std::vector<std::uint32_t> order = order_of_pass(options, examples);
        const std::size_t largest = (std::min)(size_, examples);
        if constexpr (ExpectingDataset<D>) expected_.reserve(largest);
        x_.resize(largest);
        if (is_labelled()) labels_.resize(largest);
        if constexpr (MaskedDataset<D>) mask_.resize(largest);
        order_ = std::move(order);
        examples_ = examples;
        used_ = used;
        first_ = options.first;
        is_filled_ = false;
        returned_ = false;
        if (position_) place_ = place_of(*position_);
    }
    void begin_next_pass() {
        BatchOptions next = options_;
        if (position_) {
            position_->check_pass(size_, dataset_->size(), order_of(next));
            next.rng = position_->order();
            next.first = to_size(position_->next());
            return begin_pass(next);
        }
        next.first = 0;
        if (!generator_) {
            next.rng = options_.rng.split(passes_ + 1);
            begin_pass(next);
            ++passes_;
            return;
        }
        Rng generator = *generator_;
        next.rng = generator.fork();
        begin_pass(next);
        *generator_ = generator;
    }
    /// Where a position is: it may have been loaded, or have served another range, since this one has used it.
    static std::pair<std::uint64_t, std::uint64_t> place_of(const DataPosition& position) {
        return {position.passes(), position.next()};
    }
    std::size_t count_of(std::size_t used) const { return used / size_ + (used % size_ != 0); }
    bool is_labelled() const {
        if constexpr (LabelledDataset<D>) return dataset_->labelled();
        return false;
    }
    std::vector<std::uint32_t> order_of_pass(const BatchOptions& options, std::size_t examples) const {
        if (!options.balance_classes)
            return options.shuffle ? permutation(examples, options.rng) : std::vector<std::uint32_t>{};
        const auto fail = [](const char* expected, const char* got) {
            throw ArgumentError(std::string{"batches: balance_classes: "} + expected_got(expected, got));
        };
        if (!options.shuffle) fail("shuffle", "the order of the dataset");
        if (!is_labelled()) fail("a dataset with labels", "none");
        if constexpr (LabelledDataset<D>) return balanced_order(*dataset_, examples, options.rng);
        return {};
    }
    /// Position in the order of the first example of this process's share of a batch, and their number.
    BatchShare share_of(std::size_t index) const {
        BatchShare own =
            batch_share((std::min)(size_, used_ - index * size_), {.rank = options_.rank, .ranks = options_.ranks});
        own.first += index * size_;
        return own;
    }
    std::size_t example(std::size_t at) const { return order_.empty() ? at : order_[at]; }
    /// Tells the dataset what the batch `index` will need; past the last batch, nothing.
    void expect(std::size_t index) {
        if constexpr (ExpectingDataset<D>) {
            expected_.clear();
            if (index < count()) {
                const BatchShare own = share_of(index);
                for (std::size_t n = 0; n < own.count; ++n) expected_.push_back(example(own.first + n));
            }
            dataset_->expect(expected_);
        }
    }
    void fill(std::size_t index) {
        if (const std::size_t now = dataset_->size(); now < examples_)
            throw StateError(
                "batches: dataset: " +
                expected_got(std::to_string(examples_) + " examples to the end of the pass", std::to_string(now)));
        if (index == first_) expect(index);
        with_fp_environment([&] {  // pixels are divided here: the host's rounding mode must not change the result
            const BatchShare own = share_of(index);
            x_.resize(own.count);
            if constexpr (MaskedDataset<D>) mask_.resize(own.count);
            for (std::size_t n = 0; n < own.count; ++n) {
                const std::size_t i = example(own.first + n);
                dataset_->copy(i, x_[n]);
                if constexpr (MaskedDataset<D>) dataset_->copy_mask(i, mask_[n]);
                if constexpr (LabelledDataset<D>)
                    if (!labels_.empty()) labels_[n] = dataset_->label(i);
            }
        });
        expect(index + 1);
        is_filled_ = true;
        if (!position_) return;
        position_->advance(index, count(), size_, examples_, order_of(options_));
        place_ = place_of(*position_);
    }
    Value current(std::size_t index) const {
        Value batch;
        batch.x = x_.view();
        if (!labels_.empty()) batch.labels = std::span<const Label>{labels_}.first(x_.batch());
        batch.index = index;
        if constexpr (MaskedDataset<D>) batch.mask = mask_.view();
        return batch;
    }

    const D* dataset_;
    std::size_t size_;
    DataPosition* position_;
    Rng* generator_;
    BatchOptions options_;
    std::uint64_t passes_ = 0;                         // before this one, with neither of them
    bool is_filled_ = false;                           // the buffers hold a batch of this pass
    bool returned_ = false;                            // which the caller has seen
    std::pair<std::uint64_t, std::uint64_t> place_{};  // of the position, after the last batch
    std::size_t examples_ = 0;                         // of the dataset at the beginning of this pass
    std::size_t used_ = 0;
    std::size_t first_ = 0;
    std::vector<std::uint32_t> order_;
    std::vector<std::size_t> expected_;  // only of datasets that expect
    Tensor<Element<D>, Sample<D>> x_;
    std::vector<Label> labels_;
    std::conditional_t<MaskedDataset<D>, Tensor<std::uint8_t, WithLastDim<Sample<D>, 1>>, Empty> mask_;
};

template <Dataset D>
[[nodiscard]] Batches<D> batches(const D& dataset, std::size_t size, const BatchOptions& options) {
    return {dataset, size, options};
}
/// Each pass draws its stream from `rng`, instead of that of the options.
template <Dataset D>
[[nodiscard]] Batches<D> batches(const D& dataset, std::size_t size, Rng& rng, BatchOptions options) {
    options.rng = rng.fork();
    return {dataset, size, options, nullptr, &rng};
}
template <Dataset D>
[[nodiscard]] Batches<D> batches(const D& dataset, std::size_t size, Rng& rng) {
    return batches(dataset, size, rng, {});
}
/// The rest of the current pass, or the next pass. Order and first batch come from the position, not from the options.
template <Dataset D>
[[nodiscard]] Batches<D> batches(const D& dataset, std::size_t size, DataPosition& position,
                                 BatchOptions options = {}) {
    position.check_pass(size, dataset.size(), Batches<D>::order_of(options));
    options.rng = position.order();
    options.first = to_size(position.next());
    return {dataset, size, options, &position};
}
/// A temporary dataset would be destroyed before the first batch.
template <Dataset D>
void batches(const D&& dataset, std::size_t size, const BatchOptions& options) = delete;
template <Dataset D>
void batches(const D&& dataset, std::size_t size, Rng& rng) = delete;
template <Dataset D>
void batches(const D&& dataset, std::size_t size, Rng& rng, BatchOptions options) = delete;
template <Dataset D>
void batches(const D&& dataset, std::size_t size, DataPosition& position, BatchOptions options = {}) = delete;

}  // namespace tessera::data

namespace tessera::inline TESSERA_ABI {
using data::batches;
using data::BatchOptions;
}  // namespace tessera
