// expect: tessera: needs Eigen 3.4 or newer
// The version of another Eigen that the compiler found first, for example that of a conda environment.
#include <Eigen/Core>
#ifndef FIXED
#undef EIGEN_WORLD_VERSION
#define EIGEN_WORLD_VERSION 3
#undef EIGEN_MAJOR_VERSION
#define EIGEN_MAJOR_VERSION 3
#endif
#include <tessera/kernel/eigen.hpp>

float first(const float* p) { return tessera::kernel::eigen_map(p, 1, 1, 1)(0, 0); }
