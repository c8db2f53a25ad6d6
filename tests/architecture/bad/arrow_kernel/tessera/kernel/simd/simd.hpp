#pragma once
#include <tessera/kernel/gemm/gemm.hpp>
