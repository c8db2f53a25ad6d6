#include "job.hpp"

#include "parts.hpp"
#include "quantizer_names.hpp"

#include <tessera/core/error.hpp>

#include <optional>
#include <utility>

namespace digits {

namespace {

/// f.operator()<Part>(row) for the part that holds the quantizer.
template <class F>
auto with_part(const std::string& quantizer, F&& f) {
    const std::optional<std::size_t> row = find_quantizer(quantizer);
    if (!row) throw tessera::ArgumentError("quantizer: " + tessera::expected_got(list_of_quantizers(), quantizer));
    std::optional<decltype(f.template operator()<0>(*row))> outcome;
    [&]<std::size_t... Part>(std::index_sequence<Part...>) {
        static_cast<void>(((*row % parts == Part && (outcome = f.template operator()<Part>(*row), true)) || ...));
    }
    (std::make_index_sequence<parts>{});
    return *std::move(outcome);
}

}  // namespace

Outcome train(const Job& job, const Material& material) {
    return with_part(job.quantizer,
                     [&]<std::size_t Part>(std::size_t row) { return train_part<Part>(row, job, material); });
}
Outcome sample(const Job& job, const std::vector<std::string>& class_names) {
    return with_part(job.quantizer,
                     [&]<std::size_t Part>(std::size_t row) { return sample_part<Part>(row, job, class_names); });
}
Coded encode(const CodecJob& job, const Images& images) {
    return with_part(job.quantizer,
                     [&]<std::size_t Part>(std::size_t row) { return encode_part<Part>(row, job, images); });
}
Picture decode(const CodecJob& job, tessera::ByteView file, const std::string& name) {
    return with_part(job.quantizer,
                     [&]<std::size_t Part>(std::size_t row) { return decode_part<Part>(row, job, file, name); });
}

}  // namespace digits
