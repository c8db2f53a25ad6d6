#pragma once
// copy_piece: copies consecutive examples of a dataset, which may read ahead those that follow.
//
//     for (first = 0; first < dataset.size(); first += x.batch()) copy_piece(dataset, first, x.view())
//
// Shapes   x [piece, shape of an example]
// Cost     for a dataset that reads ahead, a list of the next piece

#include <tessera/core/view.hpp>
#include <tessera/data/dataset.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace tessera::inline TESSERA_ABI::data {

template <Dataset D>
void copy_piece(const D& dataset, std::size_t first, View<Element<D>, Sample<D>> x) {
    const auto expect = [&](std::size_t begin) {
        if constexpr (ExpectingDataset<D>) {
            std::vector<std::size_t> indices;
            for (std::size_t i = begin; i < (std::min)(dataset.size(), begin + x.batch()); ++i) indices.push_back(i);
            dataset.expect(indices);
        }
    };
    if (first == 0) expect(0);
    for (std::size_t n = 0; n < x.batch(); ++n) dataset.copy(first + n, x[n]);
    expect(first + x.batch());
}

}  // namespace tessera::data
