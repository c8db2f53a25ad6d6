#pragma once
#include <tessera/kernel/gemm.hpp>
