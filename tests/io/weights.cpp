#include <tessera/io/weights.hpp>

#include <doctest/doctest.h>

#include <support/message.hpp>
#include <support/temporary_folder.hpp>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace tessera;
using support::contains;
using support::message;
using support::TemporaryFolder;

namespace {

/// A small net: a linear layer and a convolution in our order, and a buffer.
template <std::size_t Out = 2>
struct Net {
    static constexpr std::string_view kind = "net";
    Param<float, Shape<3, Out>, Axes<1, 0>> linear;
    Param<float, Shape<2, 2, 1, 3>, Axes<3, 2, 0, 1>> conv;
    Param<float, Shape<>> count;
    std::string heads = "4";
    int changes = 0;

    template <class F, class... M>
    static void each_state(F&& f, M&... m) {
        const ParamPath weight{"weight"};
        f(ParamPath{"encoder", &weight}, m.linear...);
        f(ParamPath{"conv", &weight}, m.conv...);
        f("count", m.count...);
    }
    std::vector<std::pair<std::string, std::string>> metadata() const { return {{"heads", heads}}; }
    void state_changed() { ++changes; }
};

/// A user's model: no metadata, other names.
struct Prior {
    Param<double, Shape<5>> bias;

    template <class F, class... M>
    static void each_state(F&& f, M&... m) {
        const ParamPath bias{"bias"};
        f(ParamPath{"prior", &bias}, m.bias...);
    }
};

static_assert(io::Stateful<Net<>> && io::Stateful<const Net<>> && io::Stateful<Prior>);
static_assert(!io::Stateful<int>);

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

/// Runs a Python script and returns its exit code; 77 if Python or a module is missing.
int python(const TemporaryFolder& folder, const std::string& script) {
    const char* chosen = std::getenv("TESSERA_PYTHON");
    std::ofstream{folder / "script.py"} << "import sys\ntry:\n    import numpy, safetensors.numpy as st\n"
                                           "except ImportError:\n    sys.exit(77)\n"
                                        << script;
    const std::string program = chosen && *chosen ? chosen : "python3";
    const int status = std::system(("cd '" + folder.str() + "' && command -v '" + program +
                                    "' >/dev/null || exit 77; cd '" + folder.str() + "' && '" + program + "' script.py")
                                       .c_str());
    return status < 0 ? 77 : WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("io::save and io::load: several models round-trip at once") {
    const TemporaryFolder folder;
    const std::string path = folder / "m.safetensors";
    Net<> net, net2;
    Prior prior, prior2;
    number(net, 1);
    number(prior, 100);
    io::save(path, std::as_const(net), prior);
    io::load(path, prior2, net2);
    CHECK((values(net2) == values(net) && values(prior2) == values(prior)));
    CHECK((net2.changes == 1 && folder.entries() == 1));
    const Bytes first = read_file(path, 10000);
    io::save(path, net, prior);
    CHECK(read_file(path, 10000) == first);
}

TEST_CASE("io::save: files have PyTorch's shapes and order") {
    Net<> net;
    number(net, 0);
    io::SafetensorsFile file{io::collect(net).bytes(), "x"};
    CHECK(file.find("encoder.weight")->shape == std::vector<std::uint64_t>{2, 3});
    CHECK(file.find("conv.weight")->shape == std::vector<std::uint64_t>{3, 1, 2, 2});
    CHECK(file.find("count")->shape.empty());
    std::vector<float> linear(6), conv(12);
    file.read(*file.find("encoder.weight"), std::span<float>{linear});
    file.read(*file.find("conv.weight"), std::span<float>{conv});
    CHECK(linear == std::vector<float>{0, 2, 4, 1, 3, 5});
    CHECK(conv == std::vector<float>{6, 9, 12, 15, 7, 10, 13, 16, 8, 11, 14, 17});
    CHECK((file.metadata("tessera.net.heads") == "4" && file.metadata("format") == "pt" &&
           file.metadata("tessera.version")));
}

TEST_CASE("io::collect: models that are added to a writer make the file of all at once") {
    Net<> net;
    Prior prior;
    number(net, 0);
    number(prior, 100);
    const io::SafetensorsWriter first = io::collect(net);
    const Bytes both = io::collect(net, prior).bytes(), added = io::collect(first, prior).bytes();
    CHECK(both == added);
    CHECK(first.bytes() == io::collect(net).bytes());  // the writer that was passed is unchanged
    CHECK(contains(message<ArgumentError>([&] { static_cast<void>(io::collect(first, net)); }), "tessera.net.heads"));
}

TEST_CASE("io::load: loads one model from a file with several, but rejects extra tensors of the same model") {
    const TemporaryFolder folder;
    Net<> net;
    Prior prior, prior2;
    number(prior, 100);
    io::save(folder / "both", net, prior);
    io::load(folder / "both", prior2);
    CHECK(values(prior2) == values(prior));

    io::SafetensorsWriter writer = io::collect(prior);
    const std::array<std::uint64_t, 2> shape{1, 2};
    const std::array<float, 2> extra{};
    writer.add<float>("prior.extra", shape, extra);
    writer.write(folder / "more");
    CHECK(message<FormatError>([&] { io::load(folder / "more", prior2); }) ==
          "io::load: " + (folder / "more") + ": prior.extra: not expected, file has 1x2");
}

TEST_CASE("io::load: every mismatch is reported, and nothing changes") {
    const TemporaryFolder folder;
    Net<> net;
    Net<3> wide;
    Prior prior;
    number(net, 1);
    number(wide, 50);
    number(prior, 90);
    const std::string path = folder / "m";
    const auto load = [&] { return message<FormatError>([&] { io::load(path, prior, wide); }); };
    const auto before = values(wide), before_prior = values(prior);

    io::save(path, net, prior);
    CHECK(load() == "io::load: " + path + ": encoder.weight: expected 3x3, file has 2x3");

    net.heads = "8";
    io::SafetensorsWriter writer;
    writer.metadata("tessera.net.heads", "8");
    const std::array<std::uint64_t, 1> one{1}, five{5};
    const std::array<float, 1> zeros{};
    writer.add<float>("conv.weight", std::array<std::uint64_t, 4>{3, 1, 2, 2}, std::array<float, 12>{});
    writer.add<float>("conv.bias", one, zeros);
    writer.add<std::int64_t>("prior.bias", five, std::array<std::int64_t, 5>{});
    writer.write(path);
    CHECK(load() == "io::load: " + path +
                        ": 5 mismatches:\n  heads: expected 4, file has 8\n  prior.bias: expected F64, "
                        "file has I64\n  encoder.weight: expected 3x3, missing in the file\n  count: "
                        "expected scalar, missing in the file\n  "
                        "conv.bias: not expected, file has 1\n  "
                        "the file has 3 tensors: conv (2), prior (1)");
    CHECK((values(wide) == before && values(prior) == before_prior && wide.changes == 0));
}

namespace {

/// As another program may write it: io::save refuses numbers that are not finite.
template <class... M>
void save_as_others(const std::string& path, const M&... models) {
    io::SafetensorsWriter writer;
    const auto write = [&]<class L>(const ParamPath& name, const L& leaf) {
        std::vector<typename L::Scalar> values(L::Dims::size);
        for (std::size_t i = 0; i < values.size(); ++i) values[i] = leaf[L::from_file_index(i)];
        const auto dims = L::file_dims();
        const std::vector<std::uint64_t> shape{dims.begin(), dims.end()};
        writer.add<typename L::Scalar>(name.str(), shape, values);
    };
    (M::each_state(write, models), ...);
    writer.write(path);
}

}  // namespace

TEST_CASE("io::load: NaN or infinity in any tensor is an error, and nothing changes") {
    const TemporaryFolder folder;
    Prior prior, prior2;
    Net<> net, net2;
    number(net2, 7);
    number(prior2, 8);
    const auto before = values(net2), before_prior = values(prior2);
    const std::string path = folder / "m";
    net.count[0] = std::numeric_limits<float>::quiet_NaN();
    save_as_others(path, net, prior);
    CHECK(message<FormatError>([&] { io::load(path, net2, prior2); }) ==
          "io::load: " + path + ": count: element 0: expected a finite number, got nan");
    net.count[0] = 0;
    prior.bias[3] = -std::numeric_limits<double>::infinity();
    save_as_others(path, net, prior);
    CHECK(message<FormatError>([&] { io::load(path, net2, prior2); }) ==
          "io::load: " + path + ": prior.bias: element 3: expected a finite number, got -inf");
    CHECK((values(net2) == before && values(prior2) == before_prior));
}

TEST_CASE("io::load: a damaged file changes nothing, wherever the damage is") {
    const TemporaryFolder folder;
    Net<> net, net2;
    number(net, 1);
    number(net2, 30);
    const auto before = values(net2);
    const Bytes good = io::collect(net).bytes();
    std::size_t loaded = 0;
    for (std::size_t i = 0; i < good.size(); ++i) {
        Bytes bad = good;
        bad[i] ^= 0x10;
        loaded += message<FormatError>([&] {
                      io::SafetensorsFile file{bad, "x"};
                      io::load(file, net2);
                  }).empty();
    }
    CHECK(loaded == 0);
    CHECK(values(net2) == before);
}

TEST_CASE("io::load: a missing file is an IoError") {
    Prior prior;
    CHECK(message<IoError>([&] { io::load("/none/m.safetensors", prior); }) ==
          "read_file: /none/m.safetensors: No such file or directory");
}

TEST_CASE("io::save: two models with the same names are an error before anything is written") {
    const TemporaryFolder folder;
    Prior a, b;
    CHECK(message<ArgumentError>([&] { io::save(folder / "m", a, b); }) ==
          "SafetensorsWriter: two tensors are called prior.bias");
    CHECK(folder.entries() == 0);
}

TEST_CASE("io::save and io::load: exchange files with Python's safetensors") {
    const TemporaryFolder folder;
    Net<> net, net2;
    Prior prior, prior2;
    number(net, 0);
    number(prior, 100);
    io::save(folder / "ours.safetensors", net, prior);
    const int code = python(folder, R"(
from safetensors import safe_open
with safe_open("ours.safetensors", framework="numpy") as f:
    meta = f.metadata()
    t = {k: f.get_tensor(k) for k in f.keys()}
assert meta["tessera.net.heads"] == "4", meta
assert t["encoder.weight"].tolist() == [[0, 2, 4], [1, 3, 5]], t
assert t["conv.weight"].shape == (3, 1, 2, 2) and t["conv.weight"][1].tolist() == [[[7, 10], [13, 16]]]
assert t["count"].shape == () and t["prior.bias"].dtype == numpy.float64
theirs = {k: numpy.asarray(v + 1) for k, v in t.items()}
theirs["other.weight"] = numpy.zeros((3, 0, 2), numpy.float16)
st.save_file(theirs, "theirs.safetensors", {"made by": "Python \u00e9 \n"})
)");
    if (code == 77) {
        MESSAGE("SKIPPED: no python3 with numpy and safetensors");
        return;
    }
    REQUIRE(code == 0);
    io::SafetensorsFile theirs{folder / "theirs.safetensors"};
    CHECK(theirs.metadata("made by") == "Python \xC3\xA9 \n");
    io::load(theirs, net2, prior2);
    auto expected = values(net), got = values(net2);
    for (double& x : expected) x += 1;
    CHECK(got == expected);
    CHECK(prior2.bias[4] == 105);
}

TEST_CASE("safetensors: Python's safetensors rejects what we reject") {
    const TemporaryFolder folder;
    const auto write = [&](const std::string& name, std::string text, std::size_t data) {
        Bytes bytes(8);
        bytes[0] = static_cast<unsigned char>(text.size());
        bytes.insert(bytes.end(), text.begin(), text.end());
        bytes.resize(bytes.size() + data);
        folder.write(name, bytes);
        return message<FormatError>([&] { io::SafetensorsFile{bytes, name}; }).empty();
    };
    CHECK(write("good1", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}   )", 4));
    CHECK(write(
        "good2",
        R"({"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[0],"data_offsets":[4,4]}})",
        4));
    CHECK(!write("bad1", R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4));
    CHECK(!write("bad2", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8));
    CHECK(!write("bad3", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 5));
    CHECK(!write("bad4", R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4));
    CHECK(!write("bad5", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} x)", 4));
    const int code = python(folder, R"(
for name in ["good1", "good2", "bad1", "bad2", "bad3", "bad4", "bad5"]:
    try:
        st.load_file(name)
        good = True
    except Exception:
        good = False
    assert good == name.startswith("good"), name
)");
    if (code == 77)
        MESSAGE("SKIPPED: no python3 with numpy and safetensors");
    else
        CHECK(code == 0);
}
