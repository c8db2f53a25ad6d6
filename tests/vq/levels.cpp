#include <tessera/vq/levels.hpp>

#include <doctest/doctest.h>
#include <tessera/testing/smooth_quantizer.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/fsq.hpp>

#include <cstddef>
#include <string>
#include <tuple>
#include <vector>

using namespace tessera;

namespace levels_test {

namespace {

using Gain = testing::SmoothQuantizer<Shape<3>, float>::Params;
using Book = CodebookQuantizer<Shape<3>, 4, float>::Buffers;
using Strings = std::vector<std::string>;

template <class P>
Strings names() {
    Strings all;
    const P p{};
    P::each([&](const ParamPath& path, const auto&) { all.push_back(path.str()); }, p);
    return all;
}

// One setting with a leaf that belongs to it.
struct Part {
    struct Options {
        int width = 3;
    };
    static std::vector<Setting> settings(const Options& o) { return {{"width", number_text(o.width), {"table"}}}; }
};

}  // namespace

TEST_CASE("Levels: parts are numbered, and a single one keeps its names") {
    CHECK(names<vq::Levels<Gain, 2>>() == Strings{"0.gain", "1.gain"});
    CHECK(names<vq::Levels<Gain, 1>>() == Strings{"gain"});
    CHECK(names<vq::Levels<Empty, 3>>().empty());
    CHECK(names<vq::MixedLevels<Gain, Book, Empty>>() ==
          Strings{"0.gain", "1.codebook.weight", "1.codebook.count", "1.codebook.sum", "1.codebook.grace"});
    CHECK(names<vq::Levels<vq::Levels<Gain, 2>, 2>>() == Strings{"0.0.gain", "0.1.gain", "1.0.gain", "1.1.gain"});
}

TEST_CASE("Levels: two sets are visited together") {
    vq::MixedLevels<Gain, Book> a, b;
    std::get<0>(a.level).gain.fill(2);
    std::get<1>(b.level).book.count.fill(3);
    vq::MixedLevels<Gain, Book>::each(
        [](const ParamPath&, auto& to, const auto& from) {
            for (std::size_t i = 0; i < to.span().size(); ++i) to[i] += from[i];
        },
        b, a);
    CHECK(std::get<0>(b.level).gain[2] == 2);
    CHECK(std::get<1>(b.level).book.count[3] == 3);
}

TEST_CASE("Levels: settings and metadata of a part have its prefix") {
    CHECK(vq::settings_of_part<Part>("1.", {}) == std::vector<Setting>{{"1.width", "3", {"1.table"}}});
    CHECK(vq::metadata_of_part<Part>("1.").empty());
    using F = FsqQuantizer<Shape<2>, FsqBound::tanh, float, 5, 3>;
    CHECK(vq::metadata_of_part<F>("1.") ==
          NamedValues{{"1.quantizer", "Fsq"}, {"1.fsq.levels", "5,3"}, {"1.fsq.bound", "tanh"}});
}

}  // namespace levels_test
