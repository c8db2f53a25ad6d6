#pragma once
#include <tessera/nn/linear.hpp>
#include <tessera/train/trainer.hpp>
