#include "system.hpp"

#include <algorithm>
#include <csignal>
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

namespace {
volatile std::sig_atomic_t stop_signal = 0;
void note_signal(int number) { stop_signal = number; }
}  // namespace

void catch_stop_signals() {
#if defined(__unix__) || defined(__APPLE__)
    struct ::sigaction action {};
    action.sa_handler = note_signal;
    action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
    for (const int number : {SIGINT, SIGTERM}) ::sigaction(number, &action, nullptr);
    // the end of the terminal, which nohup ignores
    struct ::sigaction before {};
    if (::sigaction(SIGHUP, nullptr, &before) == 0 && before.sa_handler != SIG_IGN)
        ::sigaction(SIGHUP, &action, nullptr);
#else
    for (const int number : {SIGINT, SIGTERM}) std::signal(number, note_signal);
#endif
}
bool stop_requested() { return stop_signal != 0; }

// In a container or under taskset there may be fewer than the machine has.
std::size_t usable_cores() {
#if defined(__linux__)
    ::cpu_set_t set;
    if (::sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
#endif
    return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace digits
