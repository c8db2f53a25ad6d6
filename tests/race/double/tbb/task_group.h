#pragma once
// Of oneTBB, what kernel/threads/parallel.hpp uses, on std::thread: see parallel_for.h.

namespace tbb {

class task_group_context {
public:
    enum kind_type { isolated };
    explicit task_group_context(kind_type) {}
};

}  // namespace tbb
