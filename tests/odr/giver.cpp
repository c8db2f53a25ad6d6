#include "exchange.hpp"

int main() { return takes(some_batch()) == 0.0f ? 0 : 1; }
