#pragma once
#include <tessera/nn/linear.hpp>
#include <tessera/fwd.hpp>
