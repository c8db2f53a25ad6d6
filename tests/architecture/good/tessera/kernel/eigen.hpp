#pragma once
#define EIGEN_DONT_PARALLELIZE
#include <Eigen/Core>
