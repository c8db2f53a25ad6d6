#pragma once
// Functions of the operating system.

#include <chrono>
#include <cstddef>

namespace digits {

/// Seconds since its construction.
class Stopwatch {
public:
    double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

double peak_memory_mib();
bool stdout_is_terminal();

/// From this call on the first SIGINT, SIGTERM or SIGHUP (a terminal that was closed) sets stop_requested(); the second
/// one ends the program.
void catch_stop_signals();
bool stop_requested();

std::size_t usable_cores();

}  // namespace digits
