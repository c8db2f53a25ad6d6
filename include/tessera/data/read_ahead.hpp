#pragma once
// ReadAhead: a dataset whose next batch is copied by other threads while the current one is trained on.
//
//     const auto set = data::open_image_folder<Shape<64, 64, 3>>(folder);      // nothing is decoded yet
//     const data::ReadAhead ahead{set.train, {.threads = 2}};
//     for (auto&& batch : batches(ahead, 64, position)) trainer.step(batch);
//
// For datasets whose `copy` takes time: files that are decoded, a disk that is slow. `batches` says which examples come
// next (`expect`), in their order; the threads copy them, and `copy` returns what is there, waits for what is being
// copied, and copies itself what no thread has begun. Order and bits are those of the dataset alone. An exception of a
// thread is thrown where its example is taken.
//
// Besides those of the checker testing::check_layer, these are the only threads that the library starts, and only as
// many as the caller says. One ReadAhead serves one loop at a time; it must not outlive the dataset, whose `copy` must
// be callable by several threads at once.
//
// Shapes   those of the dataset
// Errors   ArgumentError where there are no threads; those of `copy` of the dataset
// Cost     one batch more in memory; two operations on a mutex for each example. 201 batches of 64 PNGs (8 ms to decode
//          one batch) with steps of 30 ms took 7.7 s without and 6.9 s with one thread, on two busy cores

#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/data/dataset.hpp>

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace tessera::inline TESSERA_ABI::data {

struct ReadAheadOptions {
    std::size_t threads = 1;  ///< that copy examples ahead
};

template <Dataset D>
class ReadAhead {
    static_assert(sizeof(DatasetHooksAreCallable<D>) > 0);

public:
    using Example = typename D::Example;

    explicit ReadAhead(const D& dataset, const ReadAheadOptions& options = {}) : dataset_{&dataset} {
        if (options.threads == 0) throw ArgumentError("ReadAhead: threads: " + expected_got("at least 1", "0"));
        try {
            for (std::size_t i = 0; i < options.threads; ++i) threads_.emplace_back([this] { work(); });
        } catch (...) {
            stop();
            throw;
        }
    }
    explicit ReadAhead(const D&& dataset, const ReadAheadOptions& options = {}) = delete;
    ReadAhead(const ReadAhead&) = delete;
    ReadAhead& operator=(const ReadAhead&) = delete;
    ~ReadAhead() { stop(); }

    [[nodiscard]] std::size_t size() const { return dataset_->size(); }
    [[nodiscard]] bool labelled() const requires LabelledDataset<D> { return dataset_->labelled(); }
    [[nodiscard]] Label label(std::size_t i) const requires LabelledDataset<D> { return dataset_->label(i); }
    [[nodiscard]] std::size_t classes() const requires requires(const D& d) { d.classes(); }
    { return dataset_->classes(); }
    void copy_mask(std::size_t i, std::span<std::uint8_t, row_count<Sample<D>>> mask) const requires MaskedDataset<D> {
        dataset_->copy_mask(i, mask);
    }

    /// The examples that are copied next, instead of those of the last call.
    void expect(std::span<const std::size_t> indices) const {
        std::vector<Item> items(indices.size());
        std::unordered_map<std::size_t, std::size_t> place;
        for (std::size_t k = 0; k < indices.size(); ++k) {
            items[k].index = indices[k];
            place.emplace(indices[k], k);
        }
        std::unique_lock lock{mutex_};
        next_ = items_.size();  // nothing more of the last call is begun
        done_.wait(lock, [&] { return running_ == 0; });
        examples_.resize(
            (std::max)(items.size(), items_.size()));  // the last that may throw: those of the last call stay
        items_.swap(items);
        place_.swap(place);
        next_ = 0;
        more_.notify_all();
    }
    void copy(std::size_t i, std::span<Element<D>, Sample<D>::size> destination) const {
        std::unique_lock lock{mutex_};
        const auto found = place_.find(i);
        if (found == place_.end() || items_[found->second].state == State::waiting) {
            if (found != place_.end()) items_[found->second].state = State::taken;
            lock.unlock();
            return dataset_->copy(i, destination);
        }
        Item& item = items_[found->second];
        done_.wait(lock, [&] { return item.state != State::running; });
        if (item.state == State::failed) std::rethrow_exception(item.error);
        if (item.state == State::taken) {  // taken a second time: it was not kept
            lock.unlock();
            return dataset_->copy(i, destination);
        }
        std::ranges::copy(examples_[found->second], destination.begin());
    }

private:
    enum class State : unsigned char { waiting, running, ready, failed, taken };
    struct Item {
        std::size_t index = 0;
        State state = State::waiting;
        std::exception_ptr error;
    };

    void work() {
        std::unique_lock lock{mutex_};
        while (true) {
            more_.wait(lock, [&] { return stopped_ || next_ < items_.size(); });
            if (stopped_) return;
            const std::size_t k = next_++;
            Item& item = items_[k];
            if (item.state != State::waiting) continue;
            item.state = State::running;
            ++running_;
            lock.unlock();
            std::exception_ptr error;
            try {
                with_fp_environment([&] { dataset_->copy(item.index, examples_[k]); });
            } catch (...) {
                error = std::current_exception();
            }
            lock.lock();
            item.error = error;
            item.state = error ? State::failed : State::ready;
            --running_;
            done_.notify_all();
        }
    }
    void stop() {
        {
            const std::lock_guard lock{mutex_};
            stopped_ = true;
        }
        more_.notify_all();
        for (std::thread& thread : threads_) thread.join();
    }

    const D* dataset_;
    mutable std::mutex mutex_;
    mutable std::condition_variable more_, done_;
    mutable std::vector<Item> items_;
    mutable std::unordered_map<std::size_t, std::size_t> place_;  // of an index in items_
    mutable Tensor<Element<D>, Sample<D>> examples_;
    mutable std::size_t next_ = 0, running_ = 0;
    bool stopped_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace tessera::data
