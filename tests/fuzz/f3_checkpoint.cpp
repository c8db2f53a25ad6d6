// F3: any bytes as a checkpoint of a small trainer, whose checksum is corrected if the first byte is odd. A file that
// is rejected changes nothing; one that is loaded is saved again unchanged.

#include "target.hpp"
#include "tiny_state.hpp"

#include <tessera/files/crc32.hpp>

#include <algorithm>
#include <string_view>

void fuzz::one(tessera::ByteView input) {
    using namespace tessera;
    Tiny model;
    TinyTrainer trainer{model, AdamW{model}, {.clip_norm = 1, .seed = 3}};
    for (int batch = 0; batch < 3; ++batch) trainer.step(batch);
    const Bytes before = state_of(trainer);

    const bool mend = !input.empty() && input[0] % 2 == 1;
    Bytes bytes(input.begin() + (input.empty() ? 0 : 1), input.end());
    constexpr std::string_view key = "\"tessera.crc32\":\"";
    const auto found = std::search(bytes.begin(), bytes.end(), key.begin(), key.end());
    if (mend && bytes.end() - found > static_cast<std::ptrdiff_t>(key.size() + 8)) {
        const auto digits = found + static_cast<std::ptrdiff_t>(key.size());
        std::fill_n(digits, 8, static_cast<unsigned char>('0'));
        const std::string sum = io::detail::hex8(crc32(bytes));
        std::ranges::copy(sum, digits);
    }
    try {
        io::SafetensorsFile file{bytes, "input", {.header = 1 << 20, .tensors = 1000}};
        io::load(file, trainer);
    } catch (const FormatError&) {
        demand(state_of(trainer) == before, "a file that is refused changes nothing");
        return;
    }
    const Bytes loaded = state_of(trainer);
    Tiny other;
    TinyTrainer second{other, AdamW{other}, {.clip_norm = 1, .seed = 3}};
    io::SafetensorsFile again{io::collect(trainer).bytes(), "again"};
    io::load(again, second);
    demand(state_of(second) == loaded, "what is loaded is saved as it was");
}
