#pragma once
// Dataset: the concept of what batches are drawn from.
//
//     Example                 the View under which a batch of examples is seen: View<const float, Shape<28, 28, 1>>
//     size()                  number of examples
//     copy(i, destination)    writes example i
//     labelled(), label(i)    optional: whether there are labels, and the class of example i
//     classes()               optional: how many classes, for the tokens of vae.encode; otherwise as the labels show
//     expect(indices)         optional: the examples that will be copied next (data/read_ahead.hpp)
//     copy_mask(i, mask)      optional: which pixels of example i count, 0 for one that does not (vq/masked_images.hpp)
//
// A batch owns its memory and a dataset copies into it, so anything that can produce example i is a dataset: bytes in
// memory, a file, a function of i. Not weaker, because a shuffled epoch needs a size and random access; not stronger,
// because the storage of the examples does not matter.
//
// Errors   static_assert where an optional member has the name but not the signature (DatasetHooksAreCallable)

#include <tessera/core/label.hpp>
#include <tessera/core/token.hpp>
#include <tessera/core/view.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace tessera::inline TESSERA_ABI::data {

/// The element type of an example of D: float or Token.
template <class D>
using Element = std::remove_const_t<typename D::Example::Scalar>;

/// The shape of one example of D.
template <class D>
using Sample = typename D::Example::Sample;

template <class D>
concept Dataset = StaticShape<Sample<D>> && std::same_as<typename D::Example, View<const Element<D>, Sample<D>>> &&
    requires(const D& dataset, std::size_t i, std::span<Element<D>, Sample<D>::size> destination) {
    { dataset.size() } -> std::convertible_to<std::size_t>;
    dataset.copy(i, destination);
};

template <class D>
concept LabelledDataset = Dataset<D> && requires(const D& dataset, std::size_t i) {
    { dataset.labelled() } -> std::convertible_to<bool>;
    { dataset.label(i) } -> std::same_as<Label>;
};

/// A dataset that can prepare the examples that will be copied next.
template <class D>
concept ExpectingDataset = Dataset<D> && requires(const D& dataset, std::span<const std::size_t> indices) {
    dataset.expect(indices);
};

/// A dataset of which some pixels do not count: one number for each row of an example, all its channels together.
template <class D>
concept MaskedDataset = Dataset<D> && requires(const D& dataset, std::size_t i, std::span<std::uint8_t> mask) {
    dataset.copy_mask(i, mask.template first<row_count<Sample<D>>>());
};

namespace detail {
template <class D>
inline constexpr bool names_copy_mask = requires {
    &D::copy_mask;
};
template <class D>
inline constexpr bool names_labelled = requires {
    &D::labelled;
};
template <class D>
inline constexpr bool names_label = requires {
    &D::label;
};
template <class D>
inline constexpr bool names_expect = requires {
    &D::expect;
};
template <class D>
inline constexpr bool names_classes = requires {
    &D::classes;
};
template <class D>
concept CountsClasses = requires(const D& dataset) {
    { dataset.classes() } -> std::convertible_to<std::size_t>;
};
}  // namespace detail

/// A compile error, with the expected signature, where a dataset has an optional member that cannot be called: it would
/// be ignored. Members that are overloaded, private or templates are not seen.
template <Dataset D>
struct DatasetHooksAreCallable {
    static_assert(!detail::names_copy_mask<D> || MaskedDataset<D>,
                  "Dataset: copy_mask: expected `void copy_mask(std::size_t i, std::span<std::uint8_t, rows> mask) "
                  "const`, rows = row_count of the shape of an example: one number for each pixel");
    static_assert((!detail::names_labelled<D> && !detail::names_label<D>) || LabelledDataset<D>,
                  "Dataset: labelled and label come together: expected `bool labelled() const` and `Label "
                  "label(std::size_t i) const`");
    static_assert(!detail::names_expect<D> || ExpectingDataset<D>,
                  "Dataset: expect: expected `void expect(std::span<const std::size_t> indices) const`");
    static_assert(!detail::names_classes<D> || detail::CountsClasses<D>,
                  "Dataset: classes: expected `std::size_t classes() const`");
};

}  // namespace tessera::data
