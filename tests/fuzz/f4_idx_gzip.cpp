// F4: any bytes as gzip, as IDX of labels and of images.

#include "target.hpp"

#include <tessera/data/idx.hpp>
#include <tessera/image/gzip.hpp>

#include <array>

namespace {
template <std::size_t Rank>
void idx(tessera::ByteView bytes) {
    try {
        const auto array = tessera::data::parse_idx<Rank>(bytes, "input");
        std::size_t count = 1;
        for (const std::size_t d : array.dims) count *= d;
        fuzz::demand(count == array.values.size(), "the values are as many as the dimensions say");
    } catch (const tessera::FormatError&) {
    }
}
}  // namespace

void fuzz::one(tessera::ByteView input) {
    idx<1>(input);
    idx<3>(input);
    if (!tessera::image::is_gzip(input)) return;
    std::array<unsigned char, 4096> out{};
    std::size_t size = 0;
    try {
        size = tessera::image::gunzip_start(input, out, "input");
        demand(size <= out.size(), "no more than requested");
        idx<1>(tessera::ByteView{out}.first(size));
        idx<3>(tessera::ByteView{out}.first(size));
        tessera::image::gunzip(input, std::span{out}.first(size), "input");
    } catch (const tessera::FormatError&) {
    }
}
