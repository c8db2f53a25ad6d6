#pragma once
#include <tessera/nn/linear.hpp>
#include <tessera/kernel/eigen.hpp>
#include <tessera/train/trainer.hpp>
