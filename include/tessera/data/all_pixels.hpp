#pragma once
// AllPixels: a dataset with a mask of pixels, seen without it: all pixels count.
//
//     const data::Padded<Shape<32, 32, 1>, Digits> padded{digits};
//     trainer.step(batch);                                         // batches of `padded`: the border does not count
//     const auto tokens = vae.encode(data::AllPixels{padded});     // each position has its tokens, as a prior needs
//
// A mask is never lost silently; this is how a program says that it does not want it.
//
// Shapes   those of the dataset
// Errors   those of the dataset. A temporary dataset is a compile error
// Cost     one pointer

#include <tessera/core/label.hpp>
#include <tessera/data/dataset.hpp>

#include <cstddef>
#include <span>

namespace tessera::inline TESSERA_ABI::data {

template <Dataset D>
class AllPixels {
    static_assert(sizeof(DatasetHooksAreCallable<D>) > 0);

public:
    using Example = typename D::Example;

    explicit AllPixels(const D& dataset) : dataset_{&dataset} {}
    explicit AllPixels(const D&& dataset) = delete;

    [[nodiscard]] std::size_t size() const { return dataset_->size(); }
    [[nodiscard]] bool labelled() const requires LabelledDataset<D> { return dataset_->labelled(); }
    [[nodiscard]] Label label(std::size_t i) const requires LabelledDataset<D> { return dataset_->label(i); }
    [[nodiscard]] std::size_t classes() const requires requires(const D& d) { d.classes(); }
    { return dataset_->classes(); }
    void expect(std::span<const std::size_t> indices) const requires ExpectingDataset<D> { dataset_->expect(indices); }
    void copy(std::size_t i, std::span<Element<D>, Sample<D>::size> destination) const {
        dataset_->copy(i, destination);
    }

private:
    const D* dataset_;
};

}  // namespace tessera::data
