// seeds <folder>: writes a small corpus for each target, <folder>/f1_header/000 and so on. It is generated, not stored,
// so that it follows changes of the formats.

#include "tiny_state.hpp"

#include <image/deflate_samples.hpp>
#include <image/jpeg_samples.hpp>
#include <image/odd_files.hpp>
#include <image/png_builder.hpp>

#include <tessera/codec/codec_header.hpp>
#include <tessera/io/safetensors_writer.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace {

using tessera::Bytes;
using Corpus = std::vector<Bytes>;

Bytes of(std::string_view text) { return {text.begin(), text.end()}; }
Bytes with_first(unsigned char first, Bytes bytes) {
    bytes.insert(bytes.begin(), first);
    return bytes;
}
Bytes header(std::string_view json, std::size_t data) {
    Bytes bytes(8);
    for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(json.size() >> 8 * i);
    bytes.insert(bytes.end(), json.begin(), json.end());
    bytes.resize(bytes.size() + data);
    return bytes;
}
Bytes noise(std::size_t size, std::uint64_t seed) {
    tessera::Rng rng{seed};
    Bytes bytes(size);
    for (auto& b : bytes) b = static_cast<unsigned char>(rng.bits());
    return bytes;
}

Corpus files() {
    Corpus all{
        {}, of("1234567"), header("{}", 0), header("{} ", 0), header("[", 0), header("{\"a\":{\"b\":{\"c\":{", 0)};
    all.push_back(header(R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
                         R"("b":{"dtype":"U8","shape":[],"data_offsets":[24,25]}})",
                         25));
    all.push_back(header(
        R"({"__metadata__":{"k\u00e9y":"va\"lue"},"a":{"shape":[0,4294967296],"dtype":"BF16","data_offsets":[0,0]}})",
        0));
    all.push_back(
        header(R"({"a":{"dtype":"F32","shape":[4194305,4194305,211106198978564],"data_offsets":[0,16]}})", 16));
    all.push_back(header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                         R"("a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                         8));
    all.push_back(header(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,18446744073709551616]}})", 8));
    fuzz::Tiny model;
    all.push_back(
        tessera::io::collect(fuzz::TinyTrainer{model, tessera::AdamW{model}, {.clip_norm = 1, .seed = 3}}).bytes());
    return all;
}
Bytes idx(std::initializer_list<unsigned char> start, std::size_t values) {
    Bytes bytes = start;
    bytes.resize(bytes.size() + values, 7);
    return bytes;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return std::fputs("usage: seeds <folder>\n", stderr), 2;
    std::map<std::string, Corpus> corpora;
    corpora["f1_header"] = files();
    for (std::uint64_t i = 0; i < 24; ++i) {
        corpora["f2_header_json"].push_back(noise(60, i));
        corpora["f6_writer"].push_back(noise(80, 100 + i));
        corpora["f8_calls"].push_back(noise(100, 200 + i));
    }
    for (const Bytes& file : files())
        for (const unsigned char first : {'0', '1'}) corpora["f3_checkpoint"].push_back(with_first(first, file));

    Corpus& gzip = corpora["f4_idx_gzip"];
    const Bytes labels = idx({0, 0, 8, 1, 0, 0, 0, 5}, 5),
                images = idx({0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 3}, 18);
    for (const Bytes& file : {labels, images}) {
        gzip.push_back(file);
        gzip.push_back(samples::gzip(samples::stored(file), file));
    }
    gzip.push_back(samples::gzip(samples::deflated_squares(), samples::squares()));
    gzip.push_back(idx({0, 0, 8, 3, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, 3));

    Corpus& pictures = corpora["f5_png_jpeg"];
    for (const std::uint32_t color : {0u, 2u, 4u, 6u})
        for (const bool interlaced : {false, true})
            pictures.push_back(with_first('1', samples::png({.color = color, .interlaced = interlaced})));
    for (const std::uint32_t depth : {1u, 2u, 4u, 16u})
        pictures.push_back(with_first('1', samples::png({.depth = depth})));
    pictures.push_back(with_first('0', samples::progressive_jpeg()));
    const std::vector<samples::OddFile> odd = samples::odd_files();
    for (std::size_t i = 0; i < odd.size(); i += 9)
        pictures.push_back(with_first(static_cast<unsigned char>(i % 128), odd[i].file));
    pictures.push_back(
        with_first('0', samples::gray_jpeg(32, 8, 1, 1, {0x1F, 0x6F, 0xFF, 0xD1, 0xA7, 0xFF, 0xD2, 0xB7})));

    corpora["f7_options"] = {of("--help"),
                             of("--data\nx\n--seed\n7\n--threads\n3"),
                             of("--checkpoint\nd\n--checkpoint-every\n3\n--resume"),
                             of("--temperature\n0.5\n--top-k\n3\n--top-p\n0.9\n--label\n3"),
                             of("--load\nm\n--batch\n99999999999999999999"),
                             of("\"a\\u00e9\\n\\ud83d\\ude00\""),
                             of("\"\\x\""),
                             of("--version"),
                             of("--preset\nhuge")};

    // sequences of a prior with 3 tokens, a context of 4 and 2 classes; the fuzzer replaces hash and checksum
    for (const std::uint32_t classes : {0u, 2u})
        for (const std::uint64_t sequences : {0u, 1u, 5u, 784u, 1000u}) {
            Bytes payload;
            for (std::uint64_t first = 0; first < sequences; first += 784) {
                const Bytes chunk = noise(1 + (sequences - first) % 100, 300 + sequences);
                payload.push_back(static_cast<unsigned char>(chunk.size()));
                payload.insert(payload.end(), chunk.begin(), chunk.end());
            }
            const Bytes file = tessera::codec::with_codec_header(
                {.sequences = sequences, .classes = classes, .context = 4, .vocab = 3}, payload);
            for (const unsigned char first : {'0', '1'}) corpora["f9_codec"].push_back(with_first(first, file));
        }
    for (const Bytes& payload : {Bytes{1, 0}, Bytes{2, 0x40, 0x80}, Bytes{0x80, 0}, Bytes{0xFF, 0xFF, 1}})
        corpora["f9_codec"].push_back(with_first(
            '1', tessera::codec::with_codec_header({.sequences = 1, .classes = 0, .context = 4, .vocab = 3}, payload)));

    for (const auto& [target, corpus] : corpora) {
        const std::filesystem::path folder = std::filesystem::path{argv[1]} / target;
        std::filesystem::create_directories(folder);
        for (std::size_t i = 0; i < corpus.size(); ++i)
            std::ofstream{folder / std::to_string(1000 + i), std::ios::binary}.write(
                reinterpret_cast<const char*>(corpus[i].data()), static_cast<std::streamsize>(corpus[i].size()));
    }
}
