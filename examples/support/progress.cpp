#include "progress.hpp"

#include "text.hpp"

#include <algorithm>
#include <cstdio>

namespace digits {

void Progress::advance(double items, double seconds, const std::string& figures) {
    done_ += items;
    seconds_ += seconds;
    figures_ = figures;
    const double pause = terminal_ ? 0.1 : 5.0, now = watch_.seconds();
    // the first line of a log comes after a second, when the rate is meaningful
    if (shown_ < 0 ? now < (terminal_ ? 0.0 : 1.0) : now - shown_ < pause) return;
    shown_ = now;
    show();
}

void Progress::show() {
    const double rate = per_second(), left = rate > 0 ? std::max(0.0, total_ - done_) / rate : 0;
    const std::string line =
        title_ + "  " + figures_ + "  " + grouped_number(rate) + ' ' + unit_ + "/s" + "  ETA " + clock_time(left);
    shown_items_ = static_cast<std::size_t>(done_);
    if (terminal_)
        std::printf("\r%s\x1b[K", line.c_str());
    else
        std::printf("%s\n", line.c_str());
    std::fflush(stdout);
}

void Progress::note(const std::string& text) const {
    std::printf("%s%s  %s\n", terminal_ ? "\r\x1b[K" : "", title_.c_str(), text.c_str());
    std::fflush(stdout);
}

void Progress::finish() {
    if (terminal_ || shown_items_ != static_cast<std::size_t>(done_)) show();
    if (terminal_) std::printf("\n");
}

}  // namespace digits
