#pragma once
// What the program asks of the machine that it runs on.

#include <chrono>
#include <cstddef>

namespace digits {

/// Seconds since it was made.
class Stopwatch {
public:
    double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

double peak_memory_mib();
bool stdout_is_terminal();

/// From now on the first SIGINT or SIGTERM only asks the program to stop; the second one ends it.
void catch_stop_signals();
bool stop_requested();

std::size_t usable_cores();

}  // namespace digits
