#pragma once
#include <tessera/nn/layer.hpp>
