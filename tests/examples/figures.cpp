// Figures that a run writes read back as the same numbers, and curves with figures that are not finite can be drawn.

#include "support/chart.hpp"
#include "support/json_figures.hpp"
#include "support/text.hpp"

#include <nlohmann/json.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

namespace {

int failures = 0;

void expect(const std::string& what, const std::string& expected, const std::string& got) {
    if (expected == got) return;
    std::printf("%s: expected %s, got %s\n", what.c_str(), expected.c_str(), got.c_str());
    ++failures;
}

template <class Json>
void check_round_trips() {
    using Limits = std::numeric_limits<double>;
    const std::vector<double> figures{0.0,
                                      -0.0,
                                      0.1,
                                      1e-300,
                                      Limits::max(),
                                      Limits::min(),
                                      Limits::denorm_min(),
                                      Limits::lowest(),
                                      41.34097565266675,
                                      Limits::infinity(),
                                      -Limits::infinity(),
                                      Limits::quiet_NaN()};
    const std::uint64_t largest = ~std::uint64_t{0};
    Json json{
        {"figures", figures}, {"curve", Json::array()}, {"count", largest}, {"inside", {{"psnr", Limits::infinity()}}}};
    digits::name_non_finite(json);
    const std::string text = json.dump();
    expect("null in " + text, "no", text.find("null") == std::string::npos ? "no" : "yes");
    Json again = Json::parse(text);
    digits::read_non_finite(again);
    const auto read = again.at("figures").template get<std::vector<double>>();
    expect("number of figures", std::to_string(figures.size()), std::to_string(read.size()));
    for (std::size_t i = 0; i < read.size() && i < figures.size(); ++i) {
        if (std::isnan(figures[i]) && std::isnan(read[i])) continue;
        expect("figure " + std::to_string(i), std::to_string(std::bit_cast<std::uint64_t>(figures[i])),
               std::to_string(std::bit_cast<std::uint64_t>(read[i])));
    }
    expect("empty curve", "0", std::to_string(again.at("curve").template get<std::vector<double>>().size()));
    expect("largest count", std::to_string(largest), std::to_string(again.at("count").template get<std::uint64_t>()));
    expect("a figure inside", "inf", std::to_string(again.at("inside").at("psnr").template get<double>()));

    Json old = Json::parse("{\"psnr\":null}");  // as earlier versions wrote what is not finite
    digits::read_non_finite(old);
    expect("null", "yes", std::isnan(old.at("psnr").template get<double>()) ? "yes" : "no");
}

void check_curves() {
    constexpr double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
    const auto drawn = [](std::vector<digits::Point> points, bool logarithmic) {
        return digits::draw(digits::Chart{"title", "x", "y", {{"training", std::move(points)}}, logarithmic});
    };
    for (const bool logarithmic : {false, true}) {
        expect("a curve without points", "", drawn({}, logarithmic));
        expect("a curve without finite points", "", drawn({{1, inf}, {2, nan}, {nan, 1}}, logarithmic));
        // in each of these an axis from -inf to inf, or one whose step is lost in rounding, would never end
        for (const std::vector<digits::Point>& points : {std::vector<digits::Point>{{1, 0}, {2, inf}, {3, 0.5}},
                                                         {{1, 1e16}, {2, 1e16 + 2}},
                                                         {{1, 1e308}, {2, 3}},
                                                         {{1, 0}, {2, 0}},
                                                         {{1, 5e-324}, {2, 1}},
                                                         {{1, -inf}, {2, 7}}}) {
            const std::string svg = drawn(points, logarithmic);
            expect("nan or inf in a curve", "no",
                   svg.find("nan") == std::string::npos && svg.find("inf") == std::string::npos ? "no" : "yes");
            expect("a curve", "drawn", svg.ends_with("</svg>") ? "drawn" : "missing");
        }
    }
    expect("inf images/s", "inf", digits::grouped_number(inf));
    expect("nan images/s", "nan", digits::grouped_number(nan));
    expect("1234.9 images/s", "1,234", digits::grouped_number(1234.9));
    expect("an endless ETA", "?", digits::clock_time(inf));
    expect("default passes", "10", digits::describe_passes(10, {}));
    expect("passes as given", "49", digits::describe_passes(49, 49));
    expect("more passes than tokens", "9 (--passes 1000: one token in each)", digits::describe_passes(9, 1000));
}

}  // namespace

int main() {
    check_round_trips<nlohmann::json>();
    check_round_trips<nlohmann::ordered_json>();
    check_curves();
    if (failures == 0) std::printf("every figure reads back\n");
    return failures != 0;
}
