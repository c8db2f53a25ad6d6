// F1: any bytes as a safetensors file. If the first byte is odd, the length of the header is corrected, so that the
// rest is reached.

#include "header_check.hpp"

#include <algorithm>

void fuzz::one(tessera::ByteView input) {
    tessera::Bytes bytes(input.begin(), input.end());
    if (bytes.size() > 9 && bytes[0] % 2 == 1) {
        bytes.erase(bytes.begin());
        const std::size_t header = std::min<std::size_t>(bytes.size() - 8, bytes[0] + bytes[1] * 256u);
        for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(header >> 8 * i);
    }
    check_file(std::move(bytes));
}
