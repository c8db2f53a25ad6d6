#pragma once
inline void f(float* p) { _mm_prefetch(p, 0); }
