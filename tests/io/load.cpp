#include <tessera/io/load.hpp>
#include <tessera/io/save.hpp>

#include <doctest/doctest.h>

#include <support/message.hpp>
#include <tessera/core/rng.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace tessera;
using support::contains;
using support::message;

namespace load_test {

namespace {

/// Two parts, a counter that belongs to a setting, and an optional leaf.
template <class T = float>
struct Toy {
    static constexpr std::string_view kind = "toy";
    Param<T, Shape<2, 3>> weight;
    Param<T, Shape<3>> bias, average;
    Param<T, Shape<2>> head;
    Param<double, Shape<>> rate;
    std::string heads = "4", lr = "0.1", decay = "0.5";
    std::vector<std::string> filled{};
    int changes = 0;

    template <class F, class... M>
    static void each_state(F&& f, M&... m) {
        auto encoder = with_prefix("encoder", f);
        encoder("weight", m.weight...);
        encoder("bias", m.bias...);
        encoder("average", m.average...);
        const ParamPath weight{"weight"};
        f(ParamPath{"head", &weight}, m.head...);
        f("rate", m.rate...);
    }
    std::vector<std::pair<std::string, std::string>> metadata() const { return {{"heads", heads}}; }
    std::vector<Setting> settings() const { return {{"lr", lr, {"rate"}}, {"ema.decay", decay}}; }
    static bool optional_in_file(std::string_view name) { return name == "encoder.average"; }
    void fill_missing(std::span<const std::string> missing) noexcept {
        for (const std::string& name : missing) filled.push_back(name);
        average.fill(T(77));
    }
    void state_changed() { ++changes; }
};

/// A model that wraps another one.
struct Wrapper {
    static constexpr std::string_view kind = "wrapper";
    Toy<>* toy;
    std::string clip = "1";

    template <class F, class... M>
    static void each_state(F&& f, M&... m) {
        Toy<>::each_state(f, *m.toy...);
    }
    const Toy<>& wrapped() const { return *toy; }
    std::vector<Setting> settings() const { return {{"clip", clip}}; }
};

/// A model whose names are those of another one with the prefix "net.".
struct Deep {
    Toy<> toy;

    template <class F, class... M>
    static void each_state(F&& f, M&... m) {
        auto named = with_prefix("net", f);
        Toy<>::each_state(named, m.toy...);
    }
};

template <char Name>
struct Scalar {
    Param<float, Shape<1>> value;

    template <class F, class... M>
    static void each_state(F&& f, M&... m) {
        constexpr char name[] = {Name, 0};
        f(name, m.value...);
    }
};

template <class M>
void number(M& model, int start) {
    M::each_state(
        [&](const ParamPath&, auto& leaf) {
            for (auto& x : leaf.span()) x = static_cast<float>(start++);
        },
        model);
}
template <class M>
std::vector<double> values(const M& model) {
    std::vector<double> all;
    M::each_state(
        [&](const ParamPath&, const auto& leaf) { all.insert(all.end(), leaf.span().begin(), leaf.span().end()); },
        model);
    return all;
}

using Names = std::vector<std::string>;
constexpr std::size_t all_values = 6 + 3 + 3 + 2 + 1;

/// Writes Toy<>'s tensors by hand, without metadata: `rename` changes the names, and "" omits a tensor.
template <class F>
io::SafetensorsFile foreign(F rename, std::size_t head = 2) {
    io::SafetensorsWriter writer;
    const std::vector<float> numbers{1, 2, 3, 4, 5, 6};
    const auto add = [&](const std::string& name, std::vector<std::uint64_t> shape, std::size_t count) {
        if (const std::string to = rename(name); !to.empty())
            writer.add<float>(to, shape, std::span{numbers}.first(count));
    };
    add("encoder.weight", {2, 3}, 6);
    add("encoder.bias", {3}, 3);
    add("encoder.average", {3}, 3);
    add("head.weight", {head}, head);
    const std::array<double, 1> rate{0.25};
    if (const std::string to = rename("rate"); !to.empty()) writer.add<double>(to, {}, rate);
    return io::SafetensorsFile{writer.bytes(), "x"};
}
std::string same(const std::string& name) { return name; }

template <class M>
io::SafetensorsFile file_of(const M& model) {
    return io::SafetensorsFile{io::collect(model).bytes(), "x"};
}

/// A file with one leaf, encoder.bias, in a type other than float.
template <class T>
io::SafetensorsFile one_leaf(const std::array<T, 3>& bias) {
    io::SafetensorsWriter writer;
    const std::array<std::uint64_t, 1> three{3};
    writer.add<T>("encoder.bias", three, std::span<const T>{bias});
    return io::SafetensorsFile{writer.bytes(), "x"};
}
const io::LoadOptions only_bias{.allow_missing = {io::everything}};

}  // namespace

TEST_CASE("io::load: the report lists what was loaded") {
    Toy<> from, to;
    number(from, 1);
    auto file = file_of(from);
    const io::LoadReport report = io::load(file, to);
    CHECK(report.loaded == Names{"encoder.weight", "encoder.bias", "encoder.average", "head.weight", "rate"});
    CHECK((report.missing.empty() && report.unused.empty() && report.unchecked.empty() && report.accepted.empty() &&
           report.widened.empty()));
    CHECK(values(to) == values(from));
    CHECK((to.changes == 1 && to.filled.empty()));
}

TEST_CASE("io::load: settings must agree, and for an accepted one the host's value and its leaves are kept") {
    Toy<> from, to;
    number(from, 1);
    number(to, 50);
    from.lr = "0.2";
    from.decay = "0.9";
    auto file = file_of(from);
    const auto before = values(to);
    CHECK(message<FormatError>([&] { io::load(file, to); }) ==
          "io::load: x: 2 mismatches:\n"
          "  lr: expected 0.1, file has 0.2; LoadOptions{.accept = {\"lr\"}} keeps 0.1\n"
          "  ema.decay: expected 0.5, file has 0.9; LoadOptions{.accept = {\"ema.decay\"}} keeps 0.5");
    CHECK(message<FormatError>([&] { io::load(file, {.accept = {"lr"}}, to); }) ==
          "io::load: x: ema.decay: expected 0.5, file has 0.9; LoadOptions{.accept = {\"ema.decay\"}} keeps "
          "0.5");
    CHECK((values(to) == before && to.changes == 0));

    for (const Names& names : {Names{"lr", "ema.decay"}, Names{"lr", "ema"}, Names{"toy.lr", "toy.ema.decay"},
                               Names{"toy"}, Names{io::everything}}) {
        CAPTURE(names[0]);
        Toy<> host;
        number(host, 50);
        const io::LoadReport report = io::load(file, {.accept = names}, host);
        auto expected = values(from);
        expected.back() = values(host).back();
        CHECK(values(host) == expected);
        CHECK(host.rate[0] == 50 + all_values - 1);
        REQUIRE(report.accepted.size() == 2);
        CHECK((report.accepted[0].name == "toy.lr" && report.accepted[0].file == "0.2" &&
               report.accepted[0].host == "0.1"));
        CHECK((report.accepted[1].name == "toy.ema.decay" && report.accepted[1].file == "0.9" &&
               report.accepted[1].host == "0.5"));
    }
}

TEST_CASE("io::load: `accept` must name settings of the models") {
    Toy<> toy;
    auto file = file_of(toy);
    const auto refusal = [&](const char* name) {
        return message<ArgumentError>([&] { io::load(file, {.accept = {"lr", name}}, toy); });
    };
    CHECK(refusal("clip_nrom") == "io::load: accept: no setting is called clip_nrom: the models have lr, ema.decay");
    CHECK(refusal("ema.dec") == "io::load: accept: no setting is called ema.dec: the models have lr, ema.decay");
    CHECK(refusal("heads") == "io::load: accept: heads is not a setting: it must agree with the file");
    Rng rng;
    auto other = file_of(rng);
    CHECK(message<ArgumentError>([&] { io::load(other, {.accept = {"lr"}}, rng); }) ==
          "io::load: accept: no setting is called lr: the models have none");
}

TEST_CASE("io::load: metadata must agree, whatever `accept` contains") {
    Toy<> from, to;
    from.heads = "8";
    auto file = file_of(from);
    CHECK(message<FormatError>([&] { io::load(file, {.accept = {io::everything}}, to); }) ==
          "io::load: x: heads: expected 4, file has 8");
}

TEST_CASE("io::load: metadata that differ are loaded where allow_missing names them in full, and the report says so") {
    Toy<> from, to;
    from.heads = "8";
    auto file = file_of(from);
    for (const char* name : {"heads", "toy.heads"}) {
        const io::LoadReport report = io::load(file, {.allow_missing = {name}}, to);
        REQUIRE(report.accepted.size() == 1);
        CHECK((report.accepted[0].name == "toy.heads" && report.accepted[0].file == "8"));
        CHECK((report.accepted[0].host == "4" && report.unchecked.empty()));
    }
    for (const char* above : {"toy", io::everything}) {
        CAPTURE(above);
        CHECK(message<FormatError>([&] { io::load(file, {.allow_missing = {above}}, to); }) ==
              "io::load: x: heads: expected 4, file has 8");
    }
}

TEST_CASE("io::load: missing metadata in a file of tessera are an error, unless the host allows it") {
    Toy<> toy;
    io::SafetensorsWriter writer;
    writer.metadata("tessera.version", "0.1.0");
    writer.metadata("tessera.toy.lr", "0.1");
    const std::array<std::uint64_t, 1> three{3};
    writer.add<float>("encoder.bias", three, std::array<float, 3>{1, 2, 3});
    io::SafetensorsFile file{writer.bytes(), "x"};
    CHECK(message<FormatError>([&] {
              io::load(file, {.allow_missing = {"encoder", "head", "rate"}}, toy);
          }) == "io::load: x: 2 mismatches:\n"
                "  heads: expected 4, missing in the file's metadata; LoadOptions{.allow_missing = "
                "{\"heads\"}} loads without it\n"
                "  ema.decay: expected 0.5, missing in the file's metadata; LoadOptions{.accept = "
                "{\"ema.decay\"}} loads "
                "without it");
    const io::LoadReport report =
        io::load(file, {.accept = {"ema"}, .allow_missing = {"encoder", "head", "rate", "heads"}}, toy);
    CHECK((report.unchecked == Names{"toy.heads"} && report.accepted.size() == 1 && report.accepted[0].file.empty()));
    CHECK(report.loaded == Names{"encoder.bias"});
}

TEST_CASE("io::load: for a file of another program only shapes are compared, and the report lists what is unchecked") {
    Toy<> toy;
    auto file = foreign(same);
    const io::LoadReport report = io::load(file, toy);
    CHECK(report.unchecked == Names{"toy.heads", "toy.lr", "toy.ema.decay"});
    CHECK((toy.weight[5] == 6 && toy.rate[0] == 0.25));
}

TEST_CASE("io::load: settings of a wrapped model belong to the outer model") {
    Toy<> inner, target;
    Wrapper from{&inner}, to{&target};
    number(inner, 1);
    inner.decay = "0.9";
    from.clip = "2";
    auto file = file_of(from);
    CHECK((file.metadata("tessera.toy.ema.decay") == "0.9" && file.metadata("tessera.wrapper.clip") == "2"));
    CHECK(message<FormatError>([&] { io::load(file, to); }) ==
          "io::load: x: 2 mismatches:\n"
          "  clip: expected 1, file has 2; LoadOptions{.accept = {\"clip\"}} keeps 1\n"
          "  ema.decay: expected 0.5, file has 0.9; LoadOptions{.accept = {\"ema.decay\"}} keeps 0.5");
    // the inner model can be loaded alone
    CHECK(message<FormatError>([&] { io::load(file, target); }) ==
          "io::load: x: ema.decay: expected 0.5, file has 0.9; LoadOptions{.accept = {\"ema.decay\"}} keeps "
          "0.5");
    io::load(file, {.accept = {"ema.decay"}}, target);
    CHECK(values(target) == values(inner));
}

TEST_CASE("io::load: the message suggests options for wrapped names, and they work") {
    Toy<> toy;
    for (const std::string prefix : {"module.", "_orig_mod.", "_orig_mod.module.", "vae/"}) {
        CAPTURE(prefix);
        auto file = foreign([&](const std::string& n) { return prefix + n; });
        CHECK(message<FormatError>([&] { io::load(file, toy); }) == "io::load: x: every name begins with \"" + prefix +
                                                                        "\": LoadOptions{.prefix = \"" + prefix +
                                                                        "\"} loads them");
        number(toy, 50);
        const io::LoadReport report = io::load(file, {.prefix = prefix}, toy);
        CHECK((toy.weight[5] == 6 && toy.rate[0] == 0.25 && report.loaded.size() == 5 && report.unused.empty()));
    }
    auto two = foreign([](const std::string& n) { return n == "encoder.average" ? "other.x" : "net." + n; });
    CHECK(message<FormatError>([&] { io::load(two, toy); }) ==
          "io::load: x: the names begin with \"net.\": LoadOptions{.prefix = \"net.\"} loads them");
    CHECK(io::load(two, {.prefix = "net."}, toy).unused == Names{"other.x"});

    auto inside = foreign(
        [](const std::string& n) { return n.starts_with("encoder.") ? "encoder._orig_mod." + n.substr(8) : n; });
    CHECK(message<FormatError>([&] { io::load(inside, toy); }) ==
          "io::load: x: names have \"_orig_mod.\" in them: LoadOptions{.rename = {{\"encoder._orig_mod.\", "
          "\"encoder.\"}}} loads them");
    number(toy, 50);
    io::load(inside, {.rename = {{"encoder._orig_mod.", "encoder."}}}, toy);
    CHECK(toy.weight[5] == 6);
}

TEST_CASE("io::load: the message suggests options for names without their prefix") {
    Deep deep;
    auto file = foreign(same);
    CHECK(message<FormatError>([&] { io::load(file, deep); }) ==
          "io::load: x: the file's names lack \"net.\": LoadOptions{.rename = {{\"\", \"net.\"}}} loads them");
    io::load(file, {.rename = {{"", "net."}}}, deep);
    CHECK(deep.toy.weight[5] == 6);
}

TEST_CASE(
    "io::save, io::load: renamed matrices that are transposed in the file come back; other tensors keep their axes") {
    Toy<> toy, again;
    number(toy, 1);
    const std::vector<io::Rename> renames{{"net.enc.", "encoder.", true}, {"top.", "head."}};
    io::SafetensorsFile file{io::collect(io::SaveOptions{io::reversed(renames)}, toy).bytes(), "x"};
    const io::TensorInfo* matrix = file.find("net.enc.weight");
    REQUIRE(matrix);
    CHECK(matrix->shape == std::vector<std::uint64_t>{3, 2});
    std::array<float, 6> in_file{};
    file.read(*matrix, std::span<float>{in_file});
    CHECK(in_file == std::array<float, 6>{1, 4, 2, 5, 3, 6});
    CHECK(file.find("net.enc.bias")->shape == std::vector<std::uint64_t>{3});
    CHECK(file.find("top.weight"));
    io::load(file, {.rename = renames}, again);
    CHECK(values(again) == values(toy));
    CHECK(message<ArgumentError>([&] {
              static_cast<void>(io::collect(io::SaveOptions{{{"tail.", "x."}}}, toy));
          }) == "io::save: rename: no name of the models begins with tail.");
    // without a matrix there is nothing to transpose
    CHECK(message<ArgumentError>([&] {
              static_cast<void>(io::collect(io::SaveOptions{{{"encoder.bias", "b", true}}}, toy));
          }) == "io::save: rename: transposed: expected a matrix below encoder.bias, got none");
    number(again, 50);
    const auto before = values(again);
    CHECK(message<FormatError>([&] {
              io::load(file, {.rename = {{"net.enc.bias", "encoder.bias", true}, {"net.", ""}, {"top.", "head."}}},
                       again);
          }) == "io::load: x: rename: transposed: expected a matrix below \"net.enc.bias\", got none");
    CHECK(values(again) == before);
}

TEST_CASE("io::load: a prefix or rename that matches nothing, or merges two names, is an error") {
    Toy<> toy;
    auto file = foreign(same);
    CHECK(message<FormatError>([&] { io::load(file, {.prefix = "modul."}, toy); }) ==
          "io::load: x: prefix: no name begins with \"modul.\": the file has 5 tensors: encoder (3), head "
          "(1), rate (1)");
    CHECK(message<FormatError>([&] {
              io::load(file, {.rename = {{"head.", "tail."}, {"a.", "b."}}}, toy);
          }) == "io::load: x: rename: no name begins with \"a.\": the file has 5 tensors: encoder (3), head "
                "(1), rate (1)");
    CHECK(message<FormatError>([&] {
              io::load(file, {.rename = {{"head.", "encoder."}}}, toy);
          }) == "io::load: x: prefix or rename: encoder.weight and head.weight both become encoder.weight");
}

TEST_CASE(
    "io::load: a rename that matches nothing for want of a prefix: the message suggests the prefix, and it works") {
    Toy<> toy;
    const std::vector<io::Rename> renames{{"net.enc.", "encoder."}, {"net.top.", "head."}, {"net.r", "r"}};
    const auto theirs = [](const std::string& n) {
        if (n.starts_with("encoder.")) return "net.enc." + n.substr(8);
        return n.starts_with("head.") ? "net.top." + n.substr(5) : "net." + n;
    };
    auto wrapped = foreign([&](const std::string& n) { return "model." + theirs(n); });
    CHECK(message<FormatError>([&] { io::load(wrapped, {.rename = renames}, toy); }) ==
          "io::load: x: rename: no name begins with \"net.enc.\": every name begins with \"model.\": "
          "LoadOptions{.prefix = \"model.\"} with these renames reads them");
    CHECK(io::load(wrapped, {.prefix = "model.", .rename = renames}, toy).loaded.size() == 5);
    // a part of the prefix is known
    auto twice = foreign([&](const std::string& n) { return "a.b." + theirs(n); });
    CHECK(contains(message<FormatError>([&] { io::load(twice, {.prefix = "a.", .rename = renames}, toy); }),
                   "LoadOptions{.prefix = \"a.b.\"} with these renames reads them"));
    auto bare = foreign([&](const std::string& n) { return theirs(n).substr(4); });
    CHECK(message<FormatError>([&] { io::load(bare, {.rename = renames}, toy); }) ==
          "io::load: x: rename: no name begins with \"net.enc.\": the file's names lack \"net.\"");
    // not where only one of them would match
    auto half = foreign([&](const std::string& n) { return n == "rate" ? "other" : "model." + theirs(n); });
    CHECK(contains(message<FormatError>([&] { io::load(half, {.rename = renames}, toy); }),
                   "no name begins with \"net.enc.\": the file has 5 tensors: model (4), other (1)"));
}

TEST_CASE("io::load: a tensor that no rename reads, but others with its first part, is not expected") {
    Toy<> toy;
    number(toy, 50);
    const auto before = values(toy);
    const auto theirs = [](const std::string& n) {
        if (n.starts_with("encoder.")) return "net." + n;
        return n == "head.weight" ? std::string{"net.more.weight"} : n;
    };
    const std::vector<io::Rename> renames{{"net.encoder.", "encoder."}};
    auto file = foreign(theirs);
    CHECK(message<FormatError>([&] { io::load(file, {.rename = renames, .allow_missing = {"head"}}, toy); }) ==
          "io::load: x: net.more.weight: not expected, file has 2; no rename reads all names of \"net\": "
          "LoadOptions::allow_unused names those that are to be left out");
    CHECK(values(toy) == before);
    const io::LoadReport report =
        io::load(file, {.rename = renames, .allow_missing = {"head"}, .allow_unused = {"net.more"}}, toy);
    CHECK(report.unused == Names{"net.more.weight"});
    // other first parts are other models
    auto other = foreign([&](const std::string& n) { return n == "head.weight" ? "far.weight" : theirs(n); });
    CHECK(io::load(other, {.rename = renames, .allow_missing = {"head"}}, toy).unused == Names{"far.weight"});
    // and a rename may allow it by itself
    std::vector<io::Rename> allowing = renames;
    allowing[0].constants = {"net.more.weight"};
    CHECK(io::load(file, {.rename = allowing, .allow_missing = {"head"}}, toy).unused == Names{"net.more.weight"});
    allowing[0].constants = {"net.more"};  // whole names
    CHECK(contains(message<FormatError>([&] { io::load(file, {.rename = allowing, .allow_missing = {"head"}}, toy); }),
                   "net.more.weight: not expected"));
}

TEST_CASE("io::load: a copy of a renamed tensor may be in the file if it has the same bits") {
    const auto file_with = [](float last, std::vector<std::uint64_t> shape = {3}) {
        io::SafetensorsWriter writer;
        const std::array<std::uint64_t, 1> three{3};
        writer.add<float>("net.bias", three, std::array<float, 3>{1, 2, 3});
        writer.add<float>("out.bias", shape, std::array<float, 3>{1, 2, last});
        return io::SafetensorsFile{writer.bytes(), "x"};
    };
    const std::vector<io::Rename> renames{{"net.", "encoder.", false, {}, {"out."}}};
    const io::LoadOptions options{.rename = renames, .allow_missing = {io::everything}};
    Toy<> toy;
    number(toy, 50);
    const auto before = values(toy);
    const std::string refused =
        "io::load: x: out.bias: expected the bits of net.bias, which the model has for both, file has others; "
        "LoadOptions{.allow_unused = {\"out\"}} loads without it";
    auto other = file_with(4), other_shape = file_with(3, {1, 3});
    CHECK(message<FormatError>([&] { io::load(other, options, toy); }) == refused);
    CHECK(message<FormatError>([&] { io::load(other_shape, options, toy); }) == refused);
    CHECK(values(toy) == before);
    auto same = file_with(3);
    const io::LoadReport report = io::load(same, options, toy);
    CHECK((report.loaded == Names{"encoder.bias"} && report.unused == Names{"out.bias"} && toy.bias[2] == 3));
    io::LoadOptions without = options;
    without.allow_unused = {"out"};
    CHECK(io::load(other, without, toy).unused == Names{"out.bias"});
}

TEST_CASE("io::load: settings that differ are listed first, and their leaves are not") {
    Toy<> toy;
    io::SafetensorsWriter writer;
    writer.metadata("tessera.version", "0.1.0");
    for (const auto& [key, value] : {std::pair{"heads", "4"}, std::pair{"lr", "0.2"}, std::pair{"ema.decay", "0.5"}})
        writer.metadata(std::string{"tessera.toy."} + key, value);
    const std::array<std::uint64_t, 1> one{1};
    const std::array<float, 1> value{1};
    for (int i = 0; i < 25; ++i) writer.add<float>("encoder.more." + std::to_string(i), one, value);
    for (int i = 0; i < 25; ++i) writer.add<float>("rate." + std::to_string(i), one, value);
    io::SafetensorsFile file{writer.bytes(), "x"};
    const std::string text = message<FormatError>([&] { io::load(file, toy); });
    CHECK_MESSAGE(text.starts_with("io::load: x: 29 mismatches:\n  lr: expected 0.1, file has 0.2; "
                                   "LoadOptions{.accept = {\"lr\"}} keeps 0.1\n  encoder.weight: expected 2x3"),
                  text);
    CHECK_MESSAGE((!contains(text, "rate:") && !contains(text, "rate.")), text);
}

TEST_CASE("io::load: tensors and metadata that no model needs stop no load") {
    Toy<> toy;
    const auto ours = foreign(same);
    std::string header, data;
    for (const io::TensorInfo& t : ours.tensors()) {
        header += "\"" + t.name + "\":{\"dtype\":\"" + std::string{io::info(t.dtype).name} + "\",\"shape\":[";
        for (std::size_t i = 0; i < t.shape.size(); ++i) header += (i > 0 ? "," : "") + std::to_string(t.shape[i]);
        header += "],\"data_offsets\":[" + std::to_string(t.begin) + "," + std::to_string(t.end) + "]},";
    }
    const std::uint64_t end = ours.tensors().back().end;
    const std::string range = "\"data_offsets\":[" + std::to_string(end) + "," + std::to_string(end + 8) + "]}";
    for (const std::string& odd :
         {std::string{R"("more":{"dtype":"C64","shape":[1],)"} + range,
          R"("more":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,8],)" + range, R"("":{"dtype":"U8","shape":[8],)" + range,
          "\"" + std::string(1025, 'x') + R"(":{"dtype":"U8","shape":[8],)" + range,
          R"("a\u0000b":{"dtype":"U8","shape":[8],)" + range,
          R"("more":{"dtype":"U8","shape":[8],)" + range + R"(,"__metadata__":{"":"","k":"a\u0000b"})"}) {
        CAPTURE(odd);
        const std::string text = "{" + header + odd + "}";
        Bytes bytes(8);
        for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(text.size() >> 8 * i);
        bytes.insert(bytes.end(), text.begin(), text.end());
        bytes.resize(bytes.size() + end + 8);
        number(toy, 50);
        io::SafetensorsFile file{bytes, "x"};
        const io::LoadReport report = io::load(file, toy);
        CHECK((report.loaded.size() == 5 && report.unused.size() == 1 && toy.weight[5] == 0));
    }
}

TEST_CASE("io::load: the message for a missing tensor says what the file has") {
    Toy<> toy;
    auto typo = foreign([](const std::string& n) { return n == "head.weight" ? "head.wieght" : n; });
    CHECK(message<FormatError>([&] { io::load(typo, toy); }) ==
          "io::load: x: 2 mismatches:\n  head.weight: expected 2, missing in the file, which has "
          "head.wieght 2\n"
          "  head.wieght: not expected, file has 2\n  the file has 5 tensors: encoder (3), head (1), rate (1)");
    io::SafetensorsFile nothing{io::SafetensorsWriter{}.bytes(), "x"};
    Rng rng;
    CHECK(message<FormatError>([&] { io::load(nothing, rng); }) ==
          "io::load: x: 3 mismatches:\n  rng.seed: expected scalar, missing in the file\n  "
          "rng.stream: expected "
          "scalar, missing in the file\n  rng.position: expected scalar, missing in the file\n  the file has "
          "0 tensors");
}

TEST_CASE("io::load: with allow_missing a missing tensor is unchanged, and the report lists it") {
    Toy<> toy;
    number(toy, 50);
    auto file = foreign([](const std::string& n) { return n == "head.weight" ? "head.extra" : n; });
    CHECK(message<FormatError>([&] { io::load(file, {.allow_missing = {"head"}}, toy); }) ==
          "io::load: x: head.extra: not expected, file has 2");
    const io::LoadReport report = io::load(file, {.allow_missing = {"head"}, .allow_unused = {"head.extra"}}, toy);
    CHECK((report.missing == Names{"head.weight"} && report.unused == Names{"head.extra"}));
    CHECK((toy.head[0] == 62 && toy.weight[0] == 1));
    // another number of classes: a tensor with another shape counts as missing
    auto wide = foreign(same, 4);
    CHECK(message<FormatError>([&] { io::load(wide, toy); }) == "io::load: x: head.weight: expected 2, file has 4");
    CHECK(io::load(wide, {.allow_missing = {"head"}}, toy).missing == Names{"head.weight"});
    CHECK(toy.head[0] == 62);
}

TEST_CASE("io::load: allow_missing must name leaves of the models, and the file must have at least one") {
    Toy<> toy;
    auto file = foreign(same);
    CHECK(message<ArgumentError>([&] { io::load(file, {.allow_missing = {"haed"}}, toy); }) ==
          "io::load: allow_missing: no tensor or metadata of the models is called haed");
    CHECK(message<ArgumentError>([&] { io::load(file, {.allow_missing = {"hea"}}, toy); }) ==
          "io::load: allow_missing: no tensor or metadata of the models is called hea");
    auto other = foreign([](const std::string& n) { return "other." + n; });
    CHECK(message<FormatError>([&] { io::load(other, {.allow_missing = {io::everything}}, toy); }) ==
          "io::load: x: every name begins with \"other.\": LoadOptions{.prefix = \"other.\"} loads them");
    auto strange = one_leaf<float>({1, 2, 3});
    Rng rng;
    CHECK(message<FormatError>([&] { io::load(strange, {.allow_missing = {"rng"}}, rng); }) ==
          "io::load: x: none of the models' tensors was found; the file has 1 tensor: encoder (1)");
}

TEST_CASE("io::load: an optional leaf that is missing is computed by the model") {
    Toy<> toy;
    auto file = foreign([](const std::string& n) { return n == "encoder.average" ? "" : n; });
    const io::LoadReport report = io::load(file, toy);
    CHECK((report.missing == Names{"encoder.average"} && toy.filled == report.missing && toy.average[1] == 77));
    CHECK((toy.weight[5] == 6 && toy.changes == 1));
}

TEST_CASE("io::load: F16 and BF16 are widened, and F32 for a model of doubles") {
    Toy<float> single;
    Toy<double> wide;
    auto half = one_leaf<io::Float16>({{{0x3C00}, {0x0001}, {0xFBFF}}});
    const io::LoadReport report = io::load(half, only_bias, single);
    io::load(half, only_bias, wide);
    CHECK((single.bias[0] == 1 && single.bias[1] == 0x1p-24f && single.bias[2] == -65504));
    CHECK((wide.bias[0] == 1 && wide.bias[1] == 0x1p-24 && wide.bias[2] == -65504));
    REQUIRE(report.widened.size() == 1);
    CHECK((report.widened[0].name == "encoder.bias" && report.widened[0].from == io::Dtype::f16));

    auto brain = one_leaf<io::BFloat16>({{{0x3F80}, {0x0001}, {0xC0A0}}});
    io::load(brain, only_bias, single);
    io::load(brain, only_bias, wide);
    CHECK((single.bias[0] == 1 && single.bias[1] == 0x1p-133f && single.bias[2] == -5));
    CHECK((wide.bias[0] == 1 && wide.bias[1] == 0x1p-133 && wide.bias[2] == -5));

    auto f32 = one_leaf<float>({0.1f, -0x1p-149f, 3e38f});
    CHECK(io::load(f32, only_bias, wide).widened[0].from == io::Dtype::f32);
    CHECK((wide.bias[0] == static_cast<double>(0.1f) && wide.bias[1] == -0x1p-149));
}

TEST_CASE("io::load: lossy conversions, integers for weights and infinite 16-bit numbers are errors") {
    Toy<float> toy;
    number(toy, 50);
    const auto before = values(toy);
    auto f64 = one_leaf<double>({1, 2, 3});
    CHECK(message<FormatError>([&] {
              io::load(f64, {.allow_missing = {"encoder.weight", "head", "rate"}}, toy);
          }) == "io::load: x: encoder.bias: expected F32, file has F64, which would have to be rounded");
    auto integers = one_leaf<std::int64_t>({1, 2, 3});
    CHECK(message<FormatError>([&] {
              io::load(integers, {.allow_missing = {"encoder.weight", "head", "rate"}}, toy);
          }) == "io::load: x: encoder.bias: expected F32, file has I64");
    auto infinite = one_leaf<io::Float16>({{{0x3C00}, {0x7C00}, {0}}});
    CHECK(message<FormatError>([&] { io::load(infinite, only_bias, toy); }) ==
          "io::load: x: encoder.bias: element 1: expected a finite number, got inf");
    auto nan = one_leaf<io::BFloat16>({{{0x3C00}, {0}, {0x7FC0}}});
    CHECK(message<FormatError>([&] { io::load(nan, only_bias, toy); }) ==
          "io::load: x: encoder.bias: element 2: expected a finite number, got nan");
    CHECK(values(toy) == before);
}

TEST_CASE("io::load: accepts options with one to five models, from a file and from a path") {
    Toy<> toy;
    Rng rng;
    auto file = foreign([](const std::string& n) { return "m." + n; });
    const io::LoadOptions all{.prefix = "m.", .allow_missing = {io::everything}};
    Scalar<'a'> a;
    Scalar<'b'> b;
    Scalar<'c'> c;
    CHECK(io::load(file, all, toy).missing.empty());
    CHECK(io::load(file, all, toy, rng).missing.size() == 3);
    CHECK(io::load(file, all, toy, rng, a).missing.size() == 4);
    CHECK(io::load(file, all, toy, rng, a, b).missing.size() == 5);
    CHECK(io::load(file, all, toy, rng, a, b, c).missing.size() == 6);
    for (const auto& call :
         std::vector<std::string>{message<IoError>([&] { io::load("/none", all, toy); }),
                                  message<IoError>([&] { io::load("/none", {.prefix = "m."}, toy, rng); }),
                                  message<IoError>([&] { io::load("/none", {.prefix = "m."}, toy, rng, a); }),
                                  message<IoError>([&] { io::load("/none", {.prefix = "m."}, toy, rng, a, b); })})
        CHECK(call == "read_file: /none: No such file or directory");
}

}  // namespace load_test
