#pragma once
// Progress: one line that is rewritten in place on a terminal; elsewhere a new line every few seconds, so that a log
// file stays readable.

#include "system.hpp"

#include <cstddef>
#include <string>
#include <utility>

namespace digits {

class Progress {
public:
    /// `unit`: what is counted, such as "images".
    Progress(std::string title, std::string unit, double total)
        : title_{std::move(title)}, unit_{std::move(unit)}, total_{total} {}

    /// `items` more are done and took `seconds`; `figures` is shown next to the progress.
    void advance(double items, double seconds, const std::string& figures);
    /// Prints a separate line.
    void note(const std::string& text) const;
    /// Ends the line; the last state stays on the screen.
    void finish();

    double per_second() const { return seconds_ > 0 ? done_ / seconds_ : 0; }

private:
    void show();

    std::string title_, unit_, figures_;
    double total_, done_ = 0, seconds_ = 0, shown_ = -1;
    std::size_t shown_items_ = 0;
    bool terminal_ = stdout_is_terminal();
    Stopwatch watch_;
};

}  // namespace digits
