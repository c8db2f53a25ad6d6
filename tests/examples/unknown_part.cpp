// unknown_part <mask.png>, whose squares of 4 x 4 pixels are bright where row + column is odd: what each part of
// --unknown leaves known, and what is shown in its place.

#include "support/unknown_part.hpp"

#include <tessera/core/error.hpp>

#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

namespace {

using digits::Known;
using digits::UnknownPart;

int failures = 0;

void expect(const std::string& what, const std::string& expected, const std::string& got) {
    if (expected == got) return;
    std::printf("%s: expected %s, got %s\n", what.c_str(), expected.c_str(), got.c_str());
    ++failures;
}

// A row of seven letters for each row of positions: # known, + in part, . unknown.
std::string map_of(const UnknownPart& part) {
    std::string text;
    const std::vector<Known> known = part.known(49);
    for (std::size_t i = 0; i < known.size(); ++i) {
        if (i > 0 && i % 7 == 0) text += ' ';
        text += known[i] == Known::all ? '#' : known[i] == Known::part ? '+' : '.';
    }
    return text;
}

// Every pixel has another value, so the picture after hide() says where each came from.
digits::Picture numbered() {
    digits::Picture picture{1};
    for (std::size_t i = 0; i < digits::Image::size; ++i) picture[0][i] = static_cast<float>(i);
    return picture;
}

void check_rectangles() {
    struct Case {
        const char* name;
        const char* map;
        bool at_end;
        std::size_t pixel, shows;  // row x 28 + column
    };
    for (const Case& c :
         {Case{"lower", "####### ####### ####### +++++++ ....... ....... .......", true, 27 * 28 + 5, 13 * 28 + 5},
          Case{"upper", "....... ....... ....... +++++++ ####### ####### #######", false, 5, 14 * 28 + 5},
          Case{"left", "...+### ...+### ...+### ...+### ...+### ...+### ...+###", false, 3 * 28, 3 * 28 + 14},
          Case{"right", "###+... ###+... ###+... ###+... ###+... ###+... ###+...", false, 3 * 28 + 27, 3 * 28 + 13},
          Case{"centre", "####### ####### ##...## ##...## ##...## ####### #######", false, 9 * 28 + 14, 7 * 28 + 14}}) {
        const UnknownPart part{c.name};
        expect(std::string{c.name} + ": known", c.map, map_of(part));
        expect(std::string{c.name} + ": at the end", c.at_end ? "yes" : "no", part.is_at_end() ? "yes" : "no");
        const digits::Picture shown = part.hide(numbered());
        expect(std::string{c.name} + ": pixel " + std::to_string(c.pixel) + " shows", std::to_string(c.shows),
               std::to_string(static_cast<std::size_t>(shown[0][c.pixel])));
        digits::Picture marked = numbered();
        part.mark(marked[0]);
        for (std::size_t i = 0; i < digits::Image::size; ++i) {
            const bool unknown = shown[0][i] != static_cast<float>(i);
            const bool gray = marked[0][i] != static_cast<float>(i);
            if (unknown != gray) expect(std::string{c.name} + ": pixel " + std::to_string(i), "gray", "another");
        }
    }
}

void check_file(const std::string& mask) {
    const UnknownPart part{mask};
    expect("mask", "#.#.#.# .#.#.#. #.#.#.# .#.#.#. #.#.#.# .#.#.#. #.#.#.#", map_of(part));
    // two tokens for each position
    const std::vector<Known> twice = part.known(98);
    for (std::size_t i = 0; i < twice.size(); ++i)
        if (twice[i] != part.known(49)[i / 2]) expect("token " + std::to_string(i), "that of its position", "another");
}

template <class Error>
void expect_error(const std::string& text, const std::string& expected) {
    try {
        const UnknownPart part{text};
        expect(text, expected, "no error");
    } catch (const Error& error) {
        expect(text, expected, error.what());
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::printf("unknown_part <mask.png>\n");
        return 2;
    }
    check_rectangles();
    check_file(argv[1]);
    expect_error<tessera::ArgumentError>(
        "below", "--unknown: expected lower, upper, left, right, centre, or the path of a PNG or JPEG file, got below");
    if (failures == 0) std::printf("every part is where it should be\n");
    return failures != 0;
}
