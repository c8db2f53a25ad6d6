#pragma once
#include <tessera/train/trainer.hpp>
