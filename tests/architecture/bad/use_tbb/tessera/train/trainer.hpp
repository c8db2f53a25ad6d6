#pragma once
inline int n() { return tbb::this_task_arena::max_concurrency(); }
