#pragma once
// The door to Eigen: products for scalars other than float (the gradient checks run in double), and `eigen_map` for
// users who want to look at a view with Eigen. No Eigen type stands in a public signature of another header.

#ifndef EIGEN_DONT_PARALLELIZE
#define EIGEN_DONT_PARALLELIZE
#endif
#include <tessera/core/abi.hpp>
#include <tessera/core/intrinsics.hpp>

#include <Eigen/Core>

#include <cstddef>

namespace tessera::inline TESSERA_ABI::kernel {

template <class T>
using RowMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// rows x columns numbers, row-major with a distance of `stride` between rows, as an Eigen matrix.
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
