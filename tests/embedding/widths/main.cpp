// The hash of the tiny run, for compare.sh.
#include <embedding/tiny_run.hpp>

#include <cinttypes>
#include <cstdio>

int main() { std::printf("%016" PRIx64 "\n", embedding::tiny_run().hash); }
