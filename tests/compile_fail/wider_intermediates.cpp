// expect: tessera: -mfpmath=387 .or -ffp-eval-method. rounds float as a wider type; compile without it
// The macro's value with -mfpmath=387.
#ifndef FIXED
#pragma GCC diagnostic ignored "-Wbuiltin-macro-redefined"
#undef __FLT_EVAL_METHOD__
#define __FLT_EVAL_METHOD__ 2
#endif
#include <tessera/core/shape.hpp>

std::size_t size() { return tessera::Shape<4>::size; }
