#pragma once
// Charts as SVG text: lines over a linear x axis, and bars. Colours are the page's CSS variables, so that a chart
// follows its light or dark scheme.

#include "outcome.hpp"

#include <string>
#include <vector>

namespace digits {

struct Line {
    std::string name;
    Curve points;
    bool dots = false;  ///< few measurements: draws a dot at each point
};

struct Chart {
    std::string title, x_title, y_title;
    std::vector<Line> lines;
    bool logarithmic = false;  ///< logarithmic y axis
};

std::string draw(const Chart& chart);

struct Bars {
    std::string title, x_title, y_title;
    std::vector<double> heights;
    double reference = 0;         ///< a dashed line at this height; 0: none
    std::string reference_title;  ///< its label
};

std::string draw(const Bars& bars);

}  // namespace digits
