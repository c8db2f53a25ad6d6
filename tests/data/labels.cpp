#include <tessera/data/labels.hpp>

#include <doctest/doctest.h>
#include <support/labels.hpp>

using namespace tessera;
using data::Labels;
using support::labels_of;

TEST_CASE("Labels: the number of classes is given or deduced") {
    CHECK(Labels{labels_of({3, 1}), 0, 2, "x"}.classes() == 4);
    CHECK(Labels{labels_of({3, 1}), 9, 2, "x"}.classes() == 9);
    CHECK(Labels{labels_of({4294967294}), 0, 1, "x"}.classes() == 4294967295);
    CHECK(Labels{{}, 0, 2, "x"}.empty());
}

TEST_CASE("Labels: classes without labels are an error, unless there are no examples") {
    CHECK_THROWS_WITH_AS((Labels{{}, 10, 2, "set"}),
                         "set: labels: expected one of 10 classes for each of 2 examples, got none: pass 0 classes for "
                         "data without labels",
                         DataError);
    CHECK(Labels{{}, 10, 0, "set"}.classes() == 10);
}

TEST_CASE("Labels: a wrong number of labels and a label out of range are errors") {
    CHECK_THROWS_WITH_AS((Labels{labels_of({1}), 2, 3, "set"}), "set: labels: expected 3, got 1", DataError);
    CHECK_THROWS_WITH_AS((Labels{labels_of({1, 2}), 2, 2, "set"}), "set: label 1: expected less than 2, got 2",
                         DataError);
}

TEST_CASE("Labels: -1, which other libraries use for examples without a class, is no class") {
    CHECK_THROWS_WITH_AS((Labels{labels_of({1, 4294967295}), 0, 2, "set"}),
                         "set: label 1: expected the number of a class, got 4294967295, which is -1: leave examples "
                         "without a class out, or give them a class",
                         DataError);
}
