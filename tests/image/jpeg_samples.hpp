#pragma once
// JPEGs for the tests.

#include <image/deflate_samples.hpp>

namespace samples {

/// 16 x 8, gray, progressive, six scans, encoded by libjpeg at quality 90 from the ramp 16 x.
inline Bytes progressive_jpeg() {
    return from_hex("ffd8ffe000104a46494600010100000100010000ffdb0043000302020302020303030304030304050805050404050a07"
                    "0706080c0a0c0c0b0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffc2000b080008"
                    "001001011100ffc4001500010100000000000000000000000000000708ffda00080101000000011faabfffc400151001"
                    "0100000000000000000000000000000006ffda00080101000105029b4dbfffc400151001010000000000000000000000"
                    "0000000002ffda0008010100063f0294bfffc40014100100000000000000000000000000000010ffda0008010100013f"
                    "213fffda00080101000000107fffc40015100101000000000000000000000000000000c1ffda0008010100013f10820f"
                    "ffd9");
}

/// Gray, baseline, `scans` times the same coded data. A DC coefficient is 10 levels; the codes are 00, 01, 10 for
/// differences of no, one and two bits, 110 for 15 bits, and 0 for the end of a block: 1F is 00 0 and padding, a block
/// like the last one; 6F is 01 1 0, the difference 1.
inline Bytes gray_jpeg(unsigned width, unsigned height, unsigned restart, int scans, const Bytes& coded) {
    const auto byte = [](unsigned x) { return static_cast<unsigned char>(x); };
    Bytes file{0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0};
    file.insert(file.end(), 64, 80);
    append(file,
           Bytes{0xFF, 0xC0, 0, 11, 8, byte(height >> 8), byte(height), byte(width >> 8), byte(width), 1, 1, 0x11, 0});
    append(file, Bytes{0xFF, 0xC4, 0, 23, 0x00, 0, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 15});
    append(file, Bytes{0xFF, 0xC4, 0, 20, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    append(file, Bytes{0xFF, 0xDD, 0, 4, byte(restart >> 8), byte(restart)});
    for (; scans > 0; --scans) {
        append(file, Bytes{0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0});
        append(file, coded);
    }
    append(file, Bytes{0xFF, 0xD9});
    return file;
}

}  // namespace samples
