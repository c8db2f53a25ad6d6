// expect: tessera: needs oneTBB 2021.5 or newer
// The version of another oneTBB that the compiler found first, for example that of a conda environment.
#include <tbb/parallel_for.h>
#ifndef FIXED
#undef TBB_INTERFACE_VERSION
#define TBB_INTERFACE_VERSION 12040
#endif
#include <tessera/kernel/threads/parallel.hpp>

std::size_t threads() { return tessera::kernel::concurrency(); }
