#pragma once
// Reads the files that golden/make.py wrote, and compares a layer with one of them.
//
//     CHECK(support::matches_golden<Conv2d<33, keep3>, Shape<7, 6, 5>>("conv2d_same3"));
//
// Values and gradients agree to 1e-5 of the largest of their tensor, in float. A file holds PyTorch's layout:
// images become channel last here, parameters go through Param::from_file_index.

#include <tessera/core/error.hpp>
#include <tessera/testing/bound_layer.hpp>
#include <tessera/testing/check_result.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace support {

struct GoldenArray {
    std::vector<std::size_t> shape;
    std::vector<float> values;
};
using Golden = std::map<std::string, GoldenArray>;

/// A separate reader of 30 lines: the library's is tested elsewhere, and a mistake in it must not pass here.
inline Golden load_golden(const std::string& name) {
    const std::string path = std::string(TESSERA_TESTS_DIR "/golden/") + name + ".safetensors";
    std::ifstream file(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    std::uint64_t length = 0;
    if (bytes.size() < sizeof length) throw std::runtime_error("golden: cannot read " + path);
    std::memcpy(&length, bytes.data(), sizeof length);
    const std::string header = bytes.substr(sizeof length, length);
    const char* const data = bytes.data() + sizeof length + length;

    const auto numbers = [&](std::size_t from) {  // of the list that opens after `from`
        std::vector<std::size_t> list;
        for (std::size_t i = header.find('[', from) + 1; header[i] != ']';) {
            std::size_t used = 0;
            list.push_back(std::stoul(header.substr(i), &used));
            i += used;
            if (header[i] == ',') ++i;
        }
        return list;
    };
    Golden golden;
    for (std::size_t i = header.find('"'); i != std::string::npos; i = header.find('"', header.find('}', i))) {
        const std::string key = header.substr(i + 1, header.find('"', i + 1) - i - 1);
        const auto range = numbers(header.find("data_offsets", i));
        GoldenArray& array = golden[key];
        array.shape = numbers(header.find("shape", i));
        array.values.resize((range[1] - range[0]) / 4);
        std::memcpy(array.values.data(), data + range[0], range[1] - range[0]);
        if (header.substr(header.find("dtype", i), 13).find("I32") != std::string::npos)
            for (float& value : array.values) {
                std::int32_t whole = 0;
                std::memcpy(&whole, &value, sizeof whole);
                value = static_cast<float>(whole);
            }
    }
    return golden;
}

/// [N, C, H, W] as N samples of Shape<H, W, C>; other ranks as they are.
inline std::vector<float> channel_last(const GoldenArray& a) {
    if (a.shape.size() != 4) return a.values;
    const std::size_t channels = a.shape[1], pixels = a.shape[2] * a.shape[3];
    std::vector<float> out(a.values.size());
    for (std::size_t n = 0; n < a.shape[0]; ++n)
        for (std::size_t c = 0; c < channels; ++c)
            for (std::size_t i = 0; i < pixels; ++i)
                out[(n * pixels + i) * channels + c] = a.values[(n * channels + c) * pixels + i];
    return out;
}

/// "" or where the two differ by more than 1e-5 of the largest.
inline std::string beyond_tolerance(const std::string& what, const std::vector<float>& expected, const float* got,
                                    std::size_t count) {
    if (count != expected.size()) return what + ": sizes " + tessera::expected_got(expected.size(), count);
    float largest = 0;
    for (float value : expected) largest = std::max(largest, std::abs(value));
    std::size_t worst = 0;
    float error = 0;
    for (std::size_t i = 0; i < count; ++i)
        if (const float e = std::abs(expected[i] - got[i]); !(e <= error)) {
            error = std::isnan(e) ? std::numeric_limits<float>::infinity() : e;  // nothing later is larger
            worst = i;
        }
    if (error <= 1e-5f * largest) return "";
    using tessera::testing::detail::text;
    return tessera::testing::detail::at(what, worst) + ": expected " + text(static_cast<double>(expected[worst])) +
           ", got " + text(static_cast<double>(got[worst]));
}

template <class Spec, class In>
tessera::testing::CheckResult matches_golden(const std::string& name) {
    using namespace tessera;
    using L = typename Spec::template Bind<In, float>;
    const Golden golden = load_golden(name);
    const auto x = channel_last(golden.at("x")), dy = channel_last(golden.at("dy"));
    testing::BoundLayer<L> bound{x.size() / In::size};
    bound.pass = {};
    for (std::size_t i = 0; i < x.size(); ++i) bound.x.span()[i] = static_cast<nn::InputScalar<L>>(x[i]);
    if (dy.size() != bound.dy.span().size()) return {name + ": dy has another size than the layer's output"};
    std::ranges::copy(dy, bound.dy.data());
    if (golden.count("places") && golden.at("places").values.size() != bound.places.span().size())
        return {name + ": places: sizes " +
                expected_got(golden.at("places").values.size(), bound.places.span().size())};
    if (golden.count("places"))
        for (std::size_t i = 0; i < bound.places.span().size(); ++i)
            bound.places.span()[i] = static_cast<std::uint32_t>(golden.at("places").values[i]);

    std::string failure;
    std::size_t leaves = 0;
    L::Params::each(
        [&](const ParamPath& path, auto& leaf) {
            const GoldenArray& array = golden.at("param." + path.str());
            const auto dims = leaf.file_dims();
            if (!std::ranges::equal(dims, array.shape)) failure = path.str() + ": another shape than PyTorch's";
            if (failure.empty())
                for (std::size_t i = 0; i < array.values.size(); ++i) leaf[leaf.from_file_index(i)] = array.values[i];
            ++leaves;
        },
        bound.params);
    for (const auto& entry : golden)
        if (entry.first.starts_with("param.") && leaves-- == 0) failure = entry.first + ": the layer has no such leaf";
    if (!failure.empty()) return {name + ": " + failure};

    bound.pack();
    bound.forward();
    bound.backward();
    const auto compare = [&](const std::string& what, const std::vector<float>& expected, const float* got,
                             std::size_t count) {
        if (failure.empty()) failure = beyond_tolerance(what, expected, got, count);
    };
    compare("y", channel_last(golden.at("y")), bound.y.data(), bound.y.span().size());
    if (golden.count("dx")) compare("dx", channel_last(golden.at("dx")), bound.dx.data(), bound.dx.span().size());
    L::Params::each(
        [&](const ParamPath& path, const auto& leaf) {
            std::vector<float> outer(leaf.span().size());
            for (std::size_t i = 0; i < outer.size(); ++i) outer[i] = leaf[leaf.from_file_index(i)];
            compare("grad." + path.str(), golden.at("grad." + path.str()).values, outer.data(), outer.size());
        },
        bound.grad);
    return {failure.empty() ? "" : name + ": " + failure};
}

}  // namespace support
