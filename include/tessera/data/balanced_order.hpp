#pragma once
// balanced_order: an order of the examples of a dataset in which all classes are equally frequent.
//
//     for (auto&& batch : batches(dataset, 100, {.rng = Rng{seed}.split(epoch), .balance_classes = true})) ...
//
// The order consists of rounds; each has one example of every class, the classes shuffled. The examples of a class come
// in a random order, and again in another one when all have been used: those of a rare class are repeated, and of a
// frequent one a pass contains a part, another one with the next generator. Classes without examples are left out. So a
// batch whose size is a multiple of the number of classes has equally many of each.
//
// Errors   ArgumentError for a dataset without labels or without examples
// Cost     8 bytes for each example, and one number of the generator for each index

#include <tessera/core/error.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/shuffle.hpp>
#include <tessera/data/dataset.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::data {

/// `count` indices of examples; the dataset has fewer than 2^32 examples.
template <LabelledDataset D>
[[nodiscard]] std::vector<std::uint32_t> balanced_order(const D& dataset, std::size_t count, const Rng& rng) {
    if (!dataset.labelled() || dataset.size() == 0)
        throw ArgumentError("balanced_order: " + expected_got("a dataset with labels",
                                                              dataset.labelled() ? "one without examples" : "none"));
    struct Class {
        std::vector<std::uint32_t> examples;
        std::size_t next = 0;
        Rng rng;
    };
    std::map<Label, Class> by_label;  // not a vector: a label may be any number, and one is enough to fill the memory
    const std::size_t examples = dataset.size();
    for (std::size_t i = 0; i < examples; ++i) {
        const Label label = dataset.label(i);
        Class& one = by_label.try_emplace(label, Class{{}, 0, rng.split(std::uint64_t{1} + label.index)}).first->second;
        one.examples.push_back(static_cast<std::uint32_t>(i));
    }
    std::vector<Class> classes;
    for (auto& [label, one] : by_label) classes.push_back(std::move(one));
    std::vector<std::uint32_t> round(classes.size()), order;
    for (std::size_t c = 0; c < round.size(); ++c) round[c] = static_cast<std::uint32_t>(c);
    Rng rounds = rng.split(0);
    order.reserve(count);
    while (order.size() < count) {
        tessera::detail::shuffle(std::span{round}, rounds);
        for (std::size_t i = 0; i < round.size() && order.size() < count; ++i) {
            Class& one = classes[round[i]];
            if (one.next == 0) tessera::detail::shuffle(std::span{one.examples}, one.rng);
            order.push_back(one.examples[one.next]);
            one.next = (one.next + 1) % one.examples.size();
        }
    }
    return order;
}

}  // namespace tessera::data
