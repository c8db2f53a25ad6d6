#include "codec_run.hpp"

#include "codec_job.hpp"
#include "job.hpp"
#include "system.hpp"
#include "text.hpp"

#include <tessera/core/error.hpp>
#include <tessera/files/file.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

namespace digits {

namespace {

constexpr const char* coded_file = "images.tsc";
constexpr const char* decoded_file = "decoded.png";

void run_encoding(const Options& o, const CodecJob& job, const Output& output) {
    const Stopwatch watch;
    const Images images = load_pictures(o.encode);
    const Coded coded = encode(job, images);
    output.write(coded_file, coded.file);
    const double count = static_cast<double>(images.size());
    std::printf("encoded %s images in %s bytes, %s bits each (the model's probabilities: %s), %.1f s\n",
                grouped(images.size()).c_str(), grouped(coded.file.size()).c_str(),
                fixed(8 * static_cast<double>(coded.file.size()) / count, 1).c_str(),
                fixed(coded.model_bits / count, 1).c_str(), watch.seconds());
}

void run_decoding(const Options& o, const CodecJob& job, const Output& output) {
    const Stopwatch watch;
    const tessera::Bytes file = tessera::read_file(o.decode, std::uint64_t{1} << 30);
    const Picture images = decode(job, file, o.decode);
    std::size_t columns = 1;
    while (columns * columns < images.batch()) ++columns;
    output.write(decoded_file, png_grid(images, columns));
    std::printf("decoded %s images, %.1f s\n", grouped(images.batch()).c_str(), watch.seconds());
}

}  // namespace

void run_codec(const Options& o, const Output& output) {
    const ModelFacts facts = read_model_facts(o.load);
    if (facts.order == Order::any)
        throw tessera::ArgumentError((o.decode.empty() ? "--encode: " : "--decode: ") + o.load +
                                     ": expected a model trained with --order raster, which codes one token after the "
                                     "other, got one trained with --order any");
    output.check({o.decode.empty() ? coded_file : decoded_file});
    for (const std::string& unused : o.unused) std::printf("%s has no effect: nothing is trained\n", unused.c_str());
    const CodecJob job{o.load, facts.preset, facts.quantizer, facts.class_names.size()};
    o.decode.empty() ? run_encoding(o, job, output) : run_decoding(o, job, output);
    std::printf("%s holds %s\n", output.folder().c_str(), o.decode.empty() ? coded_file : decoded_file);
}

}  // namespace digits
