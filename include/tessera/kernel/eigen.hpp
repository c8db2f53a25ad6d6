#pragma once
// eigen_map: a row-major matrix in memory as an Eigen matrix. This file is the only one that includes Eigen.
//
// It serves programs that want to look at a view with Eigen, and the benchmarks that compare with it. No Eigen type
// is part of a public signature of another header.

#include <tessera/core/abi.hpp>
#include <tessera/core/intrinsics.hpp>

#include <Eigen/Core>

// The header that does not exist ends the compilation after the sentence, as in core/abi.hpp.
#if !defined(EIGEN_WORLD_VERSION) || EIGEN_WORLD_VERSION < 3 || (EIGEN_WORLD_VERSION == 3 && EIGEN_MAJOR_VERSION < 4)
#error "tessera: needs Eigen 3.4 or newer; the compiler has found the headers of an older one first"
#include <tessera_needs_newer_eigen>
#endif

#include <cstddef>

namespace tessera::inline TESSERA_ABI::kernel {

template <class T>
using RowMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// rows x columns elements, row-major with a distance of `stride` between rows, as an Eigen matrix.
template <class T>
auto eigen_map(const T* data, std::size_t rows, std::size_t columns, std::size_t stride) {
    return Eigen::Map<const RowMajor<T>, 0, Eigen::OuterStride<>>(
        data, static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(columns),
        Eigen::OuterStride<>(static_cast<Eigen::Index>(stride)));
}
template <class T>
auto eigen_map(T* data, std::size_t rows, std::size_t columns, std::size_t stride) {
    return Eigen::Map<RowMajor<T>, 0, Eigen::OuterStride<>>(data, static_cast<Eigen::Index>(rows),
                                                            static_cast<Eigen::Index>(columns),
                                                            Eigen::OuterStride<>(static_cast<Eigen::Index>(stride)));
}

}  // namespace tessera::kernel
