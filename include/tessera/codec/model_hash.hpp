#pragma once
// model_hash: 64 bits that differ between two models, with which a file of the codec names the models that read it.
//
//     model_hash(prior, model_hash(vae))              FNV-1a: for each byte h = (h xor byte) 2^40+435 mod 2^64
//
// Hashed are kind and metadata, the name, shape and values of each leaf, and what the model computes for one probe: the
// logits of a Gpt, the image of a VqVae. The probe makes it differ where two models have equal weights but not equal
// blocks or options, and where a program was compiled such that its arithmetic has other bits: it is refused instead of
// decoding other tokens. Leaves that a file may leave out (optional_in_file) are not hashed, so a model has the same
// hash before and after it was saved and loaded. It detects mistakes; it does not resist an attacker.
//
// Cost     one multiplication for each byte of the weights (4 ms for 4 MB), and one pass of the model

#include <tessera/core/fp_environment.hpp>
#include <tessera/core/label.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/core/token.hpp>
#include <tessera/core/view.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace tessera::inline TESSERA_ABI::codec {

namespace detail {

class Fnv {
public:
    explicit Fnv(std::uint64_t start) : hash_{start ^ 0xCBF29CE484222325u} {}

    /// The value's bytes, lowest first.
    template <class T>
        requires std::is_arithmetic_v<T>
    void add(T value) {
        if constexpr (std::is_same_v<T, float>) {
            add(std::bit_cast<std::uint32_t>(value));
        } else if constexpr (std::is_same_v<T, double>) {
            add(std::bit_cast<std::uint64_t>(value));
        } else {
            auto bits = static_cast<std::make_unsigned_t<T>>(value);
            for (std::size_t i = 0; i < sizeof(T); ++i) {
                hash_ = (hash_ ^ (bits & 0xFF)) * 0x100000001B3u;
                if constexpr (sizeof(T) > 1) bits = static_cast<std::make_unsigned_t<T>>(bits >> 8);
            }
        }
    }
    void add(std::string_view text) {
        add(std::uint64_t{text.size()});
        for (const char c : text) add(static_cast<unsigned char>(c));
    }
    std::uint64_t value() const { return hash_; }

private:
    std::uint64_t hash_;
};

/// Tokens in which small and large indices occur.
template <std::size_t N>
Tensor<Token, Shape<N>> probe(std::size_t vocab) {
    Tensor<Token, Shape<N>> tokens{1};
    for (std::size_t i = 0; i < N; ++i) tokens[0][i] = static_cast<Token>(i * (vocab / 3 + 1) % vocab);
    return tokens;
}

}  // namespace detail

/// `after` is the hash of the models before this one, 0 for the first.
template <class Model>
[[nodiscard]] std::uint64_t model_hash(const Model& model, std::uint64_t after = 0) {
    return with_fp_environment([&] {
        detail::Fnv hash{after};
        hash.add(std::string_view{Model::kind});
        for (const auto& [key, value] : model.metadata()) {
            hash.add(key);
            hash.add(value);
        }
        Model::each_state(
            [&]<class Leaf>(const ParamPath& path, const Leaf& leaf) {
                const std::string name = path.str();
                if constexpr (requires { Model::optional_in_file(std::string_view{name}); })
                    if (Model::optional_in_file(name)) return;
                hash.add(name);
                for (const std::size_t d : Leaf::file_dims()) hash.add(std::uint64_t{d});
                for (const auto v : leaf.span()) hash.add(v);
            },
            model);
        if constexpr (requires { model.logits(View<const Token, Shape<Model::context>>{}); }) {
            const auto tokens = detail::probe<Model::context>(Model::vocab);
            const auto logits = model.logits(tokens.view());
            for (const auto v : logits.span()) hash.add(v);
        }
        if constexpr (requires { model.decode(View<const Token, Shape<Model::tokens>>{}); }) {
            std::size_t least = Model::codes;
            if constexpr (requires { Model::Quantizer::codes_of(std::size_t{}); })
                for (std::size_t i = 0; i < Model::tokens; ++i)
                    least = Model::Quantizer::codes_of(i) < least ? Model::Quantizer::codes_of(i) : least;
            const auto tokens = detail::probe<Model::tokens>(least);
            const auto image = model.decode(tokens.view());
            for (const auto v : image.span()) hash.add(v);
        }
        return hash.value();
    });
}

}  // namespace tessera::codec
