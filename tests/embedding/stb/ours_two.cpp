#include "ours.hpp"

void ours_two();
void ours_two() { use_ours(); }
