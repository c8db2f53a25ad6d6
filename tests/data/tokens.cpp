#include <tessera/data/tokens.hpp>

#include <tessera/data/dataset.hpp>
#include <tessera/data/images.hpp>

#include <doctest/doctest.h>
#include <support/labels.hpp>

#include <array>

using namespace tessera;
using data::Tokens;
using support::labels_of;

static_assert(data::LabelledDataset<Tokens<3>>);

TEST_CASE("Tokens: holds consecutive sequences") {
    const Tokens<3> tokens{{1, 2, 3, 4294967294, 5, 6}, labels_of({7, 0})};
    std::array<Token, 3> second{};
    tokens.copy(1, second);
    CHECK(second == std::array<Token, 3>{4294967294, 5, 6});
    CHECK((tokens.size() == 2 && tokens.view().batch() == 2 && tokens.view()[0][2] == 3 && tokens[1][0] == 4294967294));
    CHECK((tokens.labelled() && tokens.label(0) == Label{7} && tokens.classes() == 8));
    CHECK(!Tokens<3>{{1, 2, 3}}.labelled());
}

TEST_CASE("Tokens: inconsistent sizes are errors") {
    CHECK_THROWS_WITH_AS((Tokens<3>{{1, 2}}), "Tokens: tokens: expected a multiple of 3, got 2", DataError);
    CHECK_THROWS_WITH_AS((Tokens<3>{{1, 2, 3}, labels_of({1, 2})}), "Tokens: labels: expected 1, got 2", DataError);
    CHECK_THROWS_WITH_AS((Tokens<3>{{1, 2, 3}, labels_of({4}), 4}), "Tokens: label 0: expected less than 4, got 4",
                         DataError);
}
