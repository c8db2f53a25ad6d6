#include "chart.hpp"

#include "text.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace digits {

namespace {

// The drawing has 400 x 250 units: letters of 11 units are readable on a telephone.
constexpr double width = 400, height = 250, left = 50, right = 12, top = 14, bottom = 40;

struct Axis {
    double low = 0, high = 1, from = 0, to = 1;  ///< data range, and its position in the drawing
    bool logarithmic = false;
    std::vector<double> ticks;

    double place(double v) const {
        const auto scale = [&](double x) { return logarithmic ? std::log10(x) : x; };
        return from + (scale(v) - scale(low)) / (scale(high) - scale(low)) * (to - from);
    }
};

// A loss of inf has no place on an axis; beyond 1e300 differences are infinite, and steps of 1e-300 end in 0.
bool is_drawable(double x) { return x == 0 || (std::abs(x) > 1e-300 && std::abs(x) < 1e300); }

double nice_step(double range, int most) {
    const double rough = range / most, power = std::pow(10.0, std::floor(std::log10(rough)));
    for (const double m : {1.0, 2.0, 5.0})
        if (m * power >= rough * 0.999) return m * power;
    return 10 * power;
}

Axis linear(double low, double high, double from, double to, int max_ticks) {
    // also where the range is so small that a tick plus a step would be the same tick
    if (!(high - low > std::abs(low) * 1e-12)) high = low + (low == 0 ? 1 : std::abs(low) * 0.1);
    Axis axis{low, high, from, to, false, {}};
    const double step = nice_step(high - low, max_ticks);
    for (double t = std::ceil(low / step - 1e-9) * step; t <= high + step * 1e-9; t += step)
        axis.ticks.push_back(std::abs(t) < step * 1e-9 ? 0 : t);
    return axis;
}

Axis logarithmic(double low, double high, double from, double to) {
    Axis axis{low / 1.1, high * 1.1, from, to, true, {}};
    const double decades = std::log10(axis.high / axis.low);
    for (double power = std::pow(10.0, std::floor(std::log10(axis.low))); power < axis.high; power *= 10)
        for (const double m : {1.0, 2.0, 5.0})
            if ((decades < 2 || m == 1.0) && m * power >= axis.low && m * power <= axis.high)
                axis.ticks.push_back(m * power);
    return axis;
}

std::string at(double x) { return fixed(x, 1); }

std::string text(double x, double y, const char* anchor, const std::string& what, const char* more = "") {
    return "<text x=\"" + at(x) + "\" y=\"" + at(y) + "\" text-anchor=\"" + anchor + "\"" + more + ">" +
           escape_html(what) + "</text>";
}

std::string open(const std::string& title, const std::string& described) {
    return "<svg viewBox=\"0 0 400 250\" role=\"img\" aria-label=\"" + escape_html(title + ": " + described) + "\">";
}

std::string frame(const Axis& x, const Axis& y, const std::string& x_title, const std::string& y_title, bool x_ticks) {
    std::string svg = "<g class=\"grid\">";
    for (const double t : y.ticks)
        svg += "<path d=\"M" + at(left) + ' ' + at(y.place(t)) + 'H' + at(width - right) + "\"/>";
    svg +=
        "</g><g class=\"axis\"><path d=\"M" + at(left) + ' ' + at(height - bottom) + 'H' + at(width - right) + "\"/>";
    for (const double t : y.ticks) svg += text(left - 6, y.place(t) + 4, "end", significant(t));
    if (x_ticks)
        for (const double t : x.ticks) {
            svg += "<path d=\"M" + at(x.place(t)) + ' ' + at(height - bottom) + "v4\"/>";
            svg += text(x.place(t), height - bottom + 16, "middle", significant(t));
        }
    svg += text((left + width - right) / 2, height - 5, "middle", x_title, " class=\"title\"");
    svg += "<text transform=\"translate(11 " + at((top + height - bottom) / 2) +
           ") rotate(-90)\" text-anchor=\"middle\" class=\"title\">" + escape_html(y_title) + "</text></g>";
    return svg;
}

}  // namespace

std::string draw(const Chart& given) {
    Chart chart = given;
    for (Line& line : chart.lines)
        std::erase_if(line.points, [](const Point& p) { return !is_drawable(p.x) || !is_drawable(p.y); });
    constexpr double inf = std::numeric_limits<double>::infinity();
    double x_high = 0, low = inf, high = -inf;
    for (const Line& line : chart.lines)
        for (const Point& p : line.points) {
            x_high = std::max(x_high, p.x);
            low = std::min(low, p.y);
            high = std::max(high, p.y);
        }
    if (!(low <= high)) return {};
    const double margin = (high - low) * 0.06;
    const Axis x = linear(0, x_high, left, width - right, 8);
    const Axis y = chart.logarithmic && low > 0 ? logarithmic(low, high, height - bottom, top)
                                                : linear(low >= 0 ? std::max(0.0, low - margin) : low - margin,
                                                         high + margin, height - bottom, top, 6);

    std::string svg = open(chart.title, chart.y_title + " against " + chart.x_title) +
                      frame(x, y, chart.x_title, chart.y_title, true);
    for (std::size_t i = 0; i < chart.lines.size(); ++i) {
        const Line& line = chart.lines[i];
        const std::string style = "series" + std::to_string(i + 1);
        std::string path;
        for (const Point& p : line.points)
            path += (path.empty() ? 'M' : 'L') + at(x.place(p.x)) + ' ' + at(y.place(p.y));
        svg += "<path class=\"line " + style + "\" d=\"" + path + "\"><title>" + escape_html(line.name) +
               "</title></path>";
        if (!line.dots) continue;
        const bool crowded = line.points.size() > 40;
        for (const Point& p : line.points)
            svg += "<circle class=\"dot " + style + "\" r=\"" + (crowded ? "1.5" : "3") + "\" cx=\"" +
                   at(x.place(p.x)) + "\" cy=\"" + at(y.place(p.y)) + "\"><title>" + escape_html(line.name) + ", " +
                   significant(p.x) + ": " + significant(p.y, 4) + "</title></circle>";
    }
    return svg + "</svg>";
}

std::string draw(const Bars& bars) {
    if (bars.heights.empty()) return {};
    const double highest = std::max(*std::ranges::max_element(bars.heights), bars.reference);
    const auto count = static_cast<double>(bars.heights.size());
    Axis x = linear(0, count, left, width - right, 6);
    const Axis y = linear(0, highest * 1.05, height - bottom, top, 5);
    std::string path;
    for (std::size_t i = 0; i < bars.heights.size(); ++i) {
        const double a = x.place(static_cast<double>(i)), b = x.place(static_cast<double>(i + 1));
        path += 'M' + fixed(a, 2) + ' ' + at(y.place(0)) + 'V' + at(y.place(bars.heights[i])) + 'H' +
                fixed(b - (b - a) * 0.15, 2) + 'V' + at(y.place(0)) + 'z';
    }
    std::string svg = open(bars.title, bars.y_title) + frame(x, y, bars.x_title, bars.y_title, true) +
                      "<path class=\"bars\" d=\"" + path + "\"/>";
    if (bars.reference > 0)
        svg += "<path class=\"reference\" d=\"M" + at(left) + ' ' + at(y.place(bars.reference)) + 'H' +
               at(width - right) + "\"/>" +
               text(width - right, y.place(bars.reference) - 5, "end", bars.reference_title);
    return svg + "</svg>";
}

}  // namespace digits
