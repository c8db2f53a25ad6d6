#pragma once
#include <xsimd/xsimd.hpp>
#include <immintrin.h>
