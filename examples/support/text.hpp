#pragma once
// Numbers formatted for people.

#include <cstddef>
#include <string>
#include <string_view>

namespace digits {

std::string fixed(double x, int decimals);           ///< "0.0042"
std::string significant(double x, int figures = 3);  ///< "0.00417", "1200"
std::string grouped(std::size_t n);                  ///< "60,000"
std::string grouped_number(double x);                ///< the whole part of any number: "60,000", "inf"
std::string clock_time(double seconds);              ///< "1:03"
std::string escape_html(std::string_view text);

}  // namespace digits
