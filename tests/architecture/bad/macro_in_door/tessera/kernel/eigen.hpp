#pragma once
#define EIGEN_NO_DEBUG
