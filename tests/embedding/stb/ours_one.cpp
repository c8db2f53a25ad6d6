#include "ours.hpp"

void ours_one();
void ours_one() { use_ours(); }
