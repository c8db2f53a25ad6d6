#pragma once
#include <tessera/core/abi.hpp>
