#pragma once
// frechet_distance: the distance between two sets of feature vectors, each seen as a Gaussian.
//
//     d = |m1 - m2|^2 + tr(C1 + C2 - 2 (C1^(1/2) C2 C1^(1/2))^(1/2))
//                                                       (Dowson and Landau 1982; Heusel et al. 2017)
//
// In double. A covariance of few vectors is biased, so only distances between sets of the same sizes can be compared.

#include <tessera/core/error.hpp>

#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>

namespace course {

namespace detail {

struct Gaussian {
    Eigen::VectorXd mean;
    Eigen::MatrixXd covariance;
};

inline Gaussian gaussian_of(std::span<const float> rows, std::size_t width, const char* what) {
    if (width == 0 || rows.size() % width != 0 || rows.size() < 2 * width)
        throw tessera::ArgumentError(std::string{"frechet_distance: "} + what + ": " +
                                     tessera::expected_got("at least 2 rows of " + std::to_string(width),
                                                           std::to_string(rows.size()) + " numbers"));
    const auto count = static_cast<Eigen::Index>(rows.size() / width), columns = static_cast<Eigen::Index>(width);
    using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    Eigen::MatrixXd x = Eigen::Map<const Rows>(rows.data(), count, columns).cast<double>();
    Gaussian g{x.colwise().mean().transpose(), {}};
    x.rowwise() -= g.mean.transpose();
    g.covariance = x.transpose() * x / static_cast<double>(count - 1);
    return g;
}

inline Eigen::MatrixXd square_root(const Eigen::MatrixXd& symmetric) {
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver{symmetric};
    const Eigen::VectorXd roots = solver.eigenvalues().cwiseMax(0).cwiseSqrt();  // of rounding, some are below zero
    return solver.eigenvectors() * roots.asDiagonal() * solver.eigenvectors().transpose();
}

}  // namespace detail

/// Of two sets of rows of `width` numbers. ArgumentError where a set has fewer than two rows.
inline double frechet_distance(std::span<const float> first, std::span<const float> second, std::size_t width) {
    const detail::Gaussian a = detail::gaussian_of(first, width, "first"),
                           b = detail::gaussian_of(second, width, "second");
    const Eigen::MatrixXd root = detail::square_root(a.covariance);
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> product{root * b.covariance * root, Eigen::EigenvaluesOnly};
    const double common = product.eigenvalues().cwiseMax(0).cwiseSqrt().sum();
    const double distance = (a.mean - b.mean).squaredNorm() + a.covariance.trace() + b.covariance.trace() - 2 * common;
    return std::max(distance, 0.0);
}

}  // namespace course
