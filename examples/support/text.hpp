#pragma once
// Numbers formatted for people.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace digits {

std::string fixed(double x, int decimals);           ///< "0.0042"
std::string significant(double x, int figures = 3);  ///< "0.00417", "1200"
std::string grouped(std::size_t n);                  ///< "60,000"
std::string grouped_number(double x);                ///< the whole part of any number: "60,000", "inf"
std::string clock_time(double seconds);              ///< "1:03"
/// Of a draw: "10"; "49 (--passes 1000: one token in each)" where more are given than there are unknown tokens.
std::string describe_passes(std::size_t passes, std::optional<std::size_t> given);
std::string escape_html(std::string_view text);

}  // namespace digits
