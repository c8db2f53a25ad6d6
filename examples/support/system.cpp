#include "system.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <thread>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/resource.h>
#include <unistd.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif

namespace digits {

double peak_memory_mib() {
#if defined(__unix__) || defined(__APPLE__)
    ::rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
#if defined(__APPLE__)
    constexpr double unit = 1;  // bytes there, KiB elsewhere
#else
    constexpr double unit = 1024;
#endif
    return static_cast<double>(usage.ru_maxrss) * unit / (1024 * 1024);
#else
    return 0;
#endif
}

bool stdout_is_terminal() {
#if defined(__unix__) || defined(__APPLE__)
    const char* term = std::getenv("TERM");
    return ::isatty(STDOUT_FILENO) == 1 && term && std::string_view{term} != "dumb";
#else
    return false;
#endif
}

// In a container or under taskset there may be fewer than the machine has.
std::size_t usable_cores() {
#if defined(__linux__)
    ::cpu_set_t set;
    if (::sched_getaffinity(0, sizeof set, &set) == 0)
        return static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
#endif
    return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace digits
