// What a decoder of the coded data may rely on: image/detail/jpeg_walk.hpp, through decode_image.

#include <tessera/image/decode_image.hpp>

#include <doctest/doctest.h>

#include <image/jpeg_samples.hpp>
#include <support/message.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

using namespace tessera;
using support::contains;

namespace {
/// The gray levels of the blocks of a row of four, or the message of the error.
std::string levels(const Bytes& file) {
    try {
        const image::Pixels pixels = image::decode_image(file, 1, "x.jpg");
        std::string text;
        for (std::size_t x = 4; x < pixels.width; x += 8) text += std::to_string(pixels.values[x]) + ' ';
        return text;
    } catch (const FormatError& e) {
        return e.what();
    }
}
std::string row(const Bytes& coded, unsigned restart = 1) {
    return levels(samples::gray_jpeg(32, 8, restart, 1, coded));
}
const std::string whole = "128 138 148 158 ";

/// Coded data from bits.
class Bits {
public:
    Bits& add(unsigned value, unsigned count) {
        while (count-- > 0) bits_.push_back((value >> count & 1) != 0);
        return *this;
    }
    /// Filled with ones, a byte FF followed by 00.
    Bytes bytes() const {
        Bytes out;
        for (std::size_t at = 0; at < bits_.size(); at += 8) {
            unsigned byte = 0;
            for (std::size_t i = at; i < at + 8; ++i) byte = 2 * byte + (i >= bits_.size() || bits_[i] ? 1 : 0);
            out.push_back(static_cast<unsigned char>(byte));
            if (byte == 0xFF) out.push_back(0);
        }
        return out;
    }

private:
    std::vector<bool> bits_;
};

struct Scan {
    unsigned first, last, high, low;
    Bytes coded;
};
/// 8 x 8, gray, with one step of quantization for all coefficients. The codes 00, 01 and 10 are differences of 0, 11
/// and 15 bits; for AC coefficients the end of the block, 9 bits, and 1 bit.
Bytes one_block(unsigned frame, unsigned step, const std::vector<Scan>& scans) {
    const auto byte = [](unsigned x) { return static_cast<unsigned char>(x); };
    Bytes file{0xFF, 0xD8, 0xFF, 0xDB, 0, byte(step > 255 ? 131 : 67), byte(step > 255 ? 0x10 : 0)};
    for (int k = 0; k < 64; ++k) {
        if (step > 255) file.push_back(byte(step >> 8));
        file.push_back(byte(step));
    }
    samples::append(file, Bytes{0xFF, byte(frame), 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0});
    samples::append(file, Bytes{0xFF, 0xC4, 0, 22, 0x00, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11, 15});
    samples::append(file, Bytes{0xFF, 0xC4, 0, 22, 0x10, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 1});
    for (const Scan& s : scans) {
        samples::append(file, Bytes{0xFF, 0xDA, 0, 8, 1, 1, 0, byte(s.first), byte(s.last), byte(s.high << 4 | s.low)});
        samples::append(file, s.coded);
    }
    samples::append(file, Bytes{0xFF, 0xD9});
    return file;
}

/// The largest number in the inverse DCT of stb_image (stbi__idct_block), which is computed here with 64 bits.
std::int64_t largest_of_idct(const std::array<std::int64_t, 64>& coefficients) {
    std::int64_t most = 0;
    const auto see = [&](std::int64_t x) {
        most = (std::max)(most, x < 0 ? -x : x);
        return x;
    };
    // eight numbers at a stride; in the second pass with its bias
    const auto pass = [&](const std::int64_t* s, std::size_t stride, std::int64_t bias, int shift, std::int64_t* out) {
        const auto at = [&](std::size_t i) { return s[i * stride]; };
        std::int64_t p1 = see((at(2) + at(6)) * 2217);
        const std::int64_t u2 = see(p1 + see(at(6) * -7567)), u3 = see(p1 + see(at(2) * 3135));
        const std::int64_t u0 = see((at(0) + at(4)) * 4096), u1 = see((at(0) - at(4)) * 4096);
        const std::array<std::int64_t, 4> even{see(see(u0 + u3) + bias), see(see(u1 + u2) + bias),
                                               see(see(u1 - u2) + bias), see(see(u0 - u3) + bias)};
        const std::int64_t sum3 = at(7) + at(3), sum4 = at(5) + at(1), p5 = see((sum3 + sum4) * 4816);
        p1 = see(p5 + see((at(7) + at(1)) * -3685));
        const std::int64_t p2 = see(p5 + see((at(5) + at(3)) * -10497)), p3 = see(sum3 * -8034), p4 = see(sum4 * -1597);
        const std::array<std::int64_t, 4> odd{
            see(see(at(1) * 6149) + see(p1 + p4)), see(see(at(3) * 12586) + see(p2 + p3)),
            see(see(at(5) * 8410) + see(p2 + p4)), see(see(at(7) * 1223) + see(p1 + p3))};
        for (std::size_t i = 0; i < 4; ++i) {
            out[i * stride] = see(even[i] + odd[i]) >> shift;
            out[(7 - i) * stride] = see(even[i] - odd[i]) >> shift;
        }
    };
    std::array<std::int64_t, 64> columns{}, pixels{};
    for (std::size_t i = 0; i < 8; ++i) pass(coefficients.data() + i, 8, 512, 10, columns.data() + i);
    for (std::size_t i = 0; i < 64; i += 8) pass(columns.data() + i, 1, 65536 + (128 << 17), 17, pixels.data() + i);
    return most;
}
}  // namespace

TEST_CASE("jpeg_walk: intervals between restart markers are decoded") {
    CHECK(row({0x1F, 0xFF, 0xD0, 0x6F, 0xFF, 0xD1, 0xA7, 0xFF, 0xD2, 0xB7}) == whole);
    CHECK(row({0x0C, 0xCD}, 0) == whole);
    CHECK(row({0x0D, 0xFF, 0xD0, 0xA3, 0x7F}, 2) == "128 138 148 158 ");
}

TEST_CASE("jpeg_walk: a restart marker that was lost between two whole intervals is put back") {
    CHECK(row({0x1F, 0x6F, 0xFF, 0xD1, 0xA7, 0xFF, 0xD2, 0xB7}) == whole);
    CHECK(row({0x1F, 0xFF, 0xD0, 0x6F, 0xA7, 0xFF, 0xD2, 0xB7}) == whole);
    CHECK(row({0x1F, 0xFF, 0xD0, 0x6F, 0xFF, 0xD1, 0xA7, 0xB7}) == whole);
}

TEST_CASE("jpeg_walk: bytes before the restart marker that is due and anything after a scan are dropped") {
    CHECK(row({0x1F, 0xFF, 0xD0, 0x6F, 0, 0, 0, 0xFF, 0xD1, 0xA7, 0xFF, 0xD2, 0xB7}) == whole);
    CHECK(row({0x1F, 0xFF, 0xD0, 0x6F, 0xFF, 0xD1, 0xA7, 0xFF, 0xD2, 0xB7, 0, 0xAA, 0xFF, 0xD3}) == whole);
    const auto surplus = [](const Bytes& bytes) {
        Bytes coded{0x1F};
        samples::append(coded, bytes);
        samples::append(coded, Bytes{0xFF, 0xD0, 0x6F, 0xFF, 0xD1, 0xA7, 0xFF, 0xD2, 0xB7});
        return row(coded);
    };
    for (const unsigned char byte : Bytes{0, 1, 0x6F, 0xAA, 0xFE}) {
        CHECK(surplus({byte}) == whole);
        CHECK(surplus(Bytes(64, byte)) == whole);
        CHECK(surplus(Bytes(65, byte)) == whole);
        CHECK(surplus(Bytes(2047, byte)) == whole);
    }
    CHECK(surplus({0xFF, 0}) == whole);  // a stuffed byte
    CHECK(surplus({0xAA, 0xFF, 0, 0xFF, 0xFF, 0, 7}) == whole);
    // in each interval, with the marker's fill bytes; and the last interval of a scan of two components of a row
    CHECK(row({0x1F, 1, 2, 0xFF, 0xFF, 0xD0, 0x6F, 3, 0xFF, 0xD1, 0xA7, 0xFF, 0, 4, 0xFF, 0xD2, 0xB7}) == whole);
    CHECK(row({0x0D, 0x55, 0xFF, 0xD0, 0xA3, 0x7F}, 2) == whole);
}

TEST_CASE("jpeg_walk: bytes other than zeros before a restart marker that is not due are not dropped") {
    CHECK(contains(row({0x1F, 0xAA, 0xFF, 0xD3, 0x6F, 0xFF, 0xD1, 0xA7, 0xFF, 0xD2, 0xB7}),
                   "scan 1 ends early: it has 1 of 4 blocks"));
    CHECK(row({0x1F, 0, 0xFF, 0xD3, 0x6F, 0xFF, 0xD1, 0xA7, 0xFF, 0xD2, 0xB7}) == whole);
    const auto zeros = [](std::size_t count) {
        Bytes coded{0x1F};
        samples::append(coded, Bytes(count));
        samples::append(coded, Bytes{0xFF, 0xD3, 0x6F, 0xFF, 0xD1, 0xA7, 0xFF, 0xD2, 0xB7});
        return row(coded);
    };
    CHECK(zeros(64) == whole);
    // more may be a lost block of a disk: the marker is taken for one that was lost, and the zeros for codes
    CHECK(contains(zeros(65), "scan 1 has an invalid code"));
}

TEST_CASE("jpeg_walk: intervals that are not whole are refused, although a decoder would fill them") {
    CHECK(contains(row({0x1F, 0xFF, 0xD0, 0x6F, 0xFF, 0xD1, 0xA7, 0xFF, 0xD2}),
                   "scan 1 ends early: it has 3 of 4 blocks"));
    CHECK(contains(row({0x1F, 0xFF, 0xD0, 0x6F}), "scan 1 ends early: it has 2 of 4 blocks"));
    CHECK(contains(row({0x0D}, 0), "scan 1 ends early: it has 2 of 4 blocks"));
    CHECK(contains(row({}, 0), "scan 1 ends early: it has 0 of 4 blocks"));
    CHECK(contains(row({0x1F, 0xFF, 0xD0, 0xFF, 0xD1, 0xA7, 0xFF, 0xD2, 0xB7}),
                   "scan 1 ends early: it has 1 of 4 blocks"));
    CHECK(contains(row({0x1F, 0x6F, 0xA7, 0xFF, 0xD2, 0xB7}), "scan 1 has an invalid code"));
    CHECK(contains(row({0x1F, 0xFF, 0xD0, 0x6F, 0xFF, 0xD1, 0xA7, 0xB7, 0xB7}), "scan 1 has an invalid code"));
}

TEST_CASE("jpeg_walk: a DC coefficient beyond 16 bits, which overflows an int of stb_image, is refused") {
    // 110 and 15 ones are the difference 32767: once it is a coefficient, twice it is none
    const auto with_step_0 = [](const Bytes& coded) {
        Bytes file = samples::gray_jpeg(32, 8, 0, 1, coded);
        std::fill_n(file.begin() + 7, 64, static_cast<unsigned char>(0));
        return levels(file);
    };
    CHECK(with_step_0({0xDF, 0xFF, 0, 0xC0, 0x0F}) == "128 128 128 128 ");
    CHECK(contains(with_step_0({0xDF, 0xFF, 0, 0xDB, 0xFF, 0, 0xF8, 0x0F}), "scan 1 has an invalid code"));
}

TEST_CASE("jpeg_walk: coefficients with which the inverse DCT of stb_image overflows an int are refused") {
    const std::string what = "JPEG: scan 1: sum of the absolute coefficients of a block: expected at most 28000, got ";
    const auto dc = [](unsigned bits, unsigned step) {  // one DC coefficient of 15 bits
        return levels(one_block(0xC0, step, {{0, 63, 0, 0, Bits{}.add(2, 2).add(bits, 15).add(0, 2).bytes()}}));
    };
    CHECK(dc(28'000, 1) == "255 ");
    CHECK(contains(dc(28'001, 1), what + "28001"));
    CHECK(dc(32'767 - 28'000, 1) == "0 ");  // negative
    CHECK(contains(dc(32'767 - 28'001, 1), what + "28001"));
    CHECK(contains(dc(32'767, 80), what + "2621360"));

    const auto ac = [](unsigned bits, unsigned step) {  // 63 coefficients of 9 bits
        Bits coded;
        coded.add(0, 2);
        for (int k = 1; k < 64; ++k) coded.add(1, 2).add(bits, 9);
        return levels(one_block(0xC1, step, {{0, 63, 0, 0, coded.bytes()}}));
    };
    CHECK(ac(444, 1).size() < 5);
    CHECK(ac(511 - 444, 1).size() < 5);
    CHECK(contains(ac(445, 1), what + "28035"));
    CHECK(contains(ac(511 - 445, 1), what + "28035"));
    CHECK(contains(ac(444, 0x102), what + std::to_string(63 * 444 * 0x102)));  // a table of 16 bits
}

TEST_CASE("jpeg_walk: the scans of a progressive file add to the sum of a block") {
    const std::string what = "sum of the absolute coefficients of a block: expected at most 28000, got ";
    const auto dc = [](unsigned bits, unsigned refinement) {  // 11 bits, times 16, and the bit of 8
        return levels(one_block(
            0xC2, 1,
            {{0, 0, 0, 4, Bits{}.add(1, 2).add(bits, 11).bytes()}, {0, 0, 4, 3, Bits{}.add(refinement, 1).bytes()}}));
    };
    CHECK(dc(1750, 0) == "255 ");
    CHECK(contains(dc(1750, 1), "scan 2: " + what + "28008"));
    CHECK(dc(2047 - 1749, 1) == "0 ");
    CHECK(contains(dc(2047 - 1750, 1), "scan 2: " + what + "28008"));  // negative: a bound, the bit makes it smaller
    CHECK(contains(dc(2047 - 1751, 0), "scan 1: " + what + "28016"));

    const auto ac = [](unsigned correction, unsigned coefficient) {
        Bits first, refined;
        for (int k = 1; k < 14; ++k) first.add(1, 2).add(269, 9);  // times 8
        first.add(0, 2);
        if (coefficient != 0)
            refined.add(2, 2).add(1, 1);  // a new one after those of the first scan, with the bit of 4
        else
            refined.add(0, 2);
        refined.add(correction, 13).add(0, 2);
        return levels(one_block(
            0xC2, 1,
            {{0, 0, 0, 0, Bits{}.add(0, 2).bytes()}, {1, 63, 0, 3, first.bytes()}, {1, 63, 3, 2, refined.bytes()}}));
    };
    CHECK(ac(0, 0).size() < 5);     // 13 x 269 x 8 = 27,976
    CHECK(ac(0x0F, 0).size() < 5);  // and four times the bit of 4
    CHECK(ac(0x3F, 0).size() < 5);  // 28,000
    CHECK(ac(0x1F, 1).size() < 5);  // likewise
    CHECK(contains(ac(0x7F, 0), "scan 3: " + what + "28004"));
    CHECK(contains(ac(0x3F, 1), "scan 3: " + what + "28004"));
    CHECK(contains(ac(0x1FFF, 0), "scan 3: " + what + "28028"));
}

TEST_CASE("jpeg_walk: the largest sum that is accepted is one that an int holds in the inverse DCT, and hardly more") {
    // The numbers are linear in the coefficients, so the largest ones belong to a block of one coefficient.
    const auto largest = [](std::int64_t sum) {
        std::int64_t most = 0;
        for (std::size_t k = 0; k < 64; ++k)
            for (const std::int64_t value : {sum, -sum}) {
                std::array<std::int64_t, 64> block{};
                block[k] = value;
                most = (std::max)(most, largest_of_idct(block));
            }
        return most;
    };
    constexpr std::int64_t limit = (std::numeric_limits<std::int32_t>::max)();
    constexpr auto accepted = static_cast<std::int64_t>(image::detail::JpegWalk::most_sum);
    CHECK(largest(accepted) < limit - limit / 256);  // rounding is not linear
    CHECK(largest(accepted + accepted / 64) > limit);
}

TEST_CASE("jpeg_walk: scans of a progressive file may come in any order") {
    const Bytes file = samples::progressive_jpeg();
    Bytes later = file;  // the first scan, of the DC coefficients, and its table: from 102 to 138
    std::rotate(later.begin() + 102, later.begin() + 138, later.end() - 2);
    REQUIRE(later != file);
    CHECK(levels(later) == levels(file));
    CHECK(levels(file) == "64 192 ");
}
