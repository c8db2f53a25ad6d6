#pragma once
// TokenCodec: sequences of tokens to bytes and back, in the number of bits that the prior needs.
//
//     codec::TokenCodec codec{prior, codec::model_hash(vae)};
//     write_file("digits.tsc", codec.encode(vae.encode(images)));
//     vae.decode(codec.decode(read_file("digits.tsc", limit)))
//
// Each token is coded with the probability that the prior gives it after the tokens before (token_frequencies.hpp,
// range_encoder.hpp), so a file has -log2 p(t | label) bits, up to 6 bytes for each chunk (3 where it has less than 16
// KiB) and a header (codec_header.hpp). A chunk is up to 3136 tokens of whole sequences, 64 sequences of 49, or one
// longer sequence. Both directions take them through one KV cache, one token of every sequence at a time, by the same
// code, so that both have the same probabilities. Chunks are independent: threads share them, and the number of threads
// changes no byte.
//
//     payload = for each chunk: its length (LEB128), its bytes
//     chunk   = range coder of: the labels, all equally probable, if there are any; then for position 0, 1, ...
//               the tokens at this position of all its sequences
//
// A file is refused unless the models are those that wrote it, and unless it is exactly what encode writes: it decodes
// to tokens that encode to the same bytes. Without labels the prior's null class is used; a prior that was trained
// without label dropout should be given those of likeliest_labels.
//
// Shapes   tokens [sequences, context]
// Errors   static_assert where the prior is not in float, has more than 2^20 tokens, or is none in raster order
//          encode: ArgumentError for labels where the prior has no classes; DataError for a token out of range,
//          or more classes than the prior has; NumericError where a logit is not finite
//          decode: FormatError with the code magic, version, truncated, size (surplus bytes), checksum (damaged),
//          mismatch (another model), limit (sequences that the file cannot hold), number (length of a chunk)
// Cost     the step of the prior for each token, and three passes over the vocabulary; a KV cache of a chunk for each
//          thread. decode allocates the tokens after the first checks: at most 6272 times the length of the file, or 2
//          context times where the context is longer than 3136

#include <tessera/codec/codec_header.hpp>
#include <tessera/codec/detail/chunks.hpp>
#include <tessera/codec/model_hash.hpp>
#include <tessera/codec/range_decoder.hpp>
#include <tessera/codec/range_encoder.hpp>
#include <tessera/codec/token_frequencies.hpp>
#include <tessera/core/error.hpp>
#include <tessera/core/label.hpp>
#include <tessera/core/to_size.hpp>
#include <tessera/core/token.hpp>
#include <tessera/data/tokens.hpp>
#include <tessera/files/bytes.hpp>
#include <tessera/gpt/frozen_gpt.hpp>
#include <tessera/gpt/gpt_config.hpp>
#include <tessera/gpt/kv_cache.hpp>
#include <tessera/kernel/threads/parallel.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::codec {

/// A configuration whose tokens an entropy coder can have frequencies for.
template <GptConfig C>
concept CodableVocabulary = C.vocab <= most_symbols;

/// A prior that a KvCache takes, one token after the other: a Gpt, not an AnyOrderGpt.
template <class Prior>
concept InRasterOrder = std::same_as<typename Prior::Frozen, FrozenGpt<Prior::config, typename Prior::Net>>;

template <class Prior>
class TokenCodec {
    static constexpr GptConfig C = Prior::config;
    static_assert(InRasterOrder<Prior>,
                  "TokenCodec: the prior must be a Gpt, which codes one token after the other in raster order");
    static_assert(std::same_as<typename Prior::Scalar, float>,
                  "TokenCodec: the prior must be in float, whose bits are the same in every program compiled with FMA");
    static_assert(CodableVocabulary<C>, "TokenCodec: the vocabulary must have at most 2^20 tokens");

public:
    using Tokens = data::Tokens<C.context>;
    static constexpr std::size_t chunk = (std::max)(std::size_t{1}, 3136 / C.context);  ///< sequences

    /// The weights of the prior as they are. `first_stage` is the model_hash of what makes the tokens, 0 if nothing is
    /// known of it.
    explicit TokenCodec(const Prior& prior, std::uint64_t first_stage = 0)
        : frozen_{prior.freeze()}, model_{model_hash(prior, first_stage)} {}

    /// The hash in the header of its files.
    [[nodiscard]] std::uint64_t model() const { return model_; }

    /// The bytes of a file. Labels are part of it.
    [[nodiscard]] Bytes encode(const Tokens& tokens) const {
        check_tokens(tokens);
        const std::size_t chunks = detail::chunk_count(tokens.size(), chunk);
        std::vector<Bytes> coded(chunks);
        for_chunks(chunks, [&](std::size_t i, Slot& slot) {
            const std::size_t first = i * chunk, count = (std::min)(chunk, tokens.size() - first);
            RangeEncoder encoder;
            slot.begin(count);
            for (std::size_t n = 0; n < count && tokens.labelled(); ++n) {
                encoder.encode({tokens.label(first + n).index, 1, tokens.classes()});
                slot.next[n] = C.label_token(tokens.label(first + n));
            }
            step_through(slot, [&](std::size_t n, std::size_t at, std::span<const std::uint32_t> frequencies) {
                const Token token = tokens[first + n][at];
                std::uint64_t start = 0;
                for (std::size_t k = 0; k < token; ++k) start += frequencies[k];
                encoder.encode({start, frequencies[token], total_frequency});
                return token;
            });
            coded[i] = encoder.finish();
        });
        Bytes payload;
        for (const Bytes& bytes : coded) detail::add_chunk(bytes, payload);
        const CodecHeader header{.model = model_,
                                 .sequences = tokens.size(),
                                 .classes = static_cast<std::uint32_t>(tokens.labelled() ? tokens.classes() : 0),
                                 .context = static_cast<std::uint32_t>(C.context),
                                 .vocab = static_cast<std::uint32_t>(C.vocab)};
        return with_codec_header(header, payload);
    }

    /// `name` is for messages.
    [[nodiscard]] Tokens decode(ByteView file, const std::string& name = "codec") const {
        const CodecHeader header = read_codec_header(file, name);
        check_header(header, name);
        const std::vector<detail::Chunk> parts = detail::find_chunks(file, header.sequences, chunk, name);
        std::vector<Token> tokens(to_size(header.sequences) * C.context);
        std::vector<Label> labels(header.classes > 0 ? to_size(header.sequences) : 0);
        for_chunks(parts.size(), [&](std::size_t i, Slot& slot) {
            const std::size_t first = i * chunk, count = (std::min)(chunk, to_size(header.sequences) - first);
            RangeDecoder decoder{file.subspan(parts[i].begin, parts[i].size), name, parts[i].begin};
            slot.begin(count);
            for (std::size_t n = 0; n < count && !labels.empty(); ++n) {
                const std::uint64_t label = decoder.value(header.classes);
                decoder.accept({label, 1, header.classes});
                labels[first + n] = Label{static_cast<std::uint32_t>(label)};
                slot.next[n] = C.label_token(labels[first + n]);
            }
            step_through(slot, [&](std::size_t n, std::size_t at, std::span<const std::uint32_t> frequencies) {
                const std::uint64_t value = decoder.value(total_frequency);
                std::uint64_t start = 0;
                Token token = 0;
                while (start + frequencies[token] <= value) start += frequencies[token++];
                decoder.accept({start, frequencies[token], total_frequency});
                return tokens[(first + n) * C.context + at] = token;
            });
            decoder.finish();
        });
        return Tokens{std::move(tokens), std::move(labels), header.classes};
    }

private:
    using Frozen = typename Prior::Frozen;
    // What a thread needs for a chunk; the cache of chunks of equal size is used again.
    struct Slot {
        std::optional<KvCache<Frozen>> cache;
        std::vector<Token> next;
        std::vector<std::uint32_t> frequencies;

        void begin(std::size_t count) {
            if (!cache || cache->sequences() != count) cache.emplace(count);
            cache->restart();
            next.assign(count, C.null_token());
            frequencies.resize(C.vocab);
        }
    };

    template <class F>
    static void for_chunks(std::size_t chunks, F&& f) {
        const std::size_t slot_count = (std::max)(std::size_t{1}, (std::min)(chunks, kernel::concurrency()));
        std::vector<Slot> scratch(slot_count);
        kernel::for_each_slot(chunks, slot_count, [&](std::size_t i, std::size_t slot) { f(i, scratch[slot]); });
    }
    // next = code(n, at, frequencies) for each position and each sequence n of a chunk.
    template <class F>
    void step_through(Slot& slot, F&& code) const {
        for (std::size_t at = 0; at < C.context; ++at) {
            const std::span<float> logits = slot.cache->step(frozen_, slot.next);
            for (std::size_t n = 0; n < slot.next.size(); ++n) {
                token_frequencies(logits.subspan(n * C.vocab, C.vocab), slot.frequencies);
                slot.next[n] = code(n, at, std::span<const std::uint32_t>{slot.frequencies});
            }
        }
    }

    static void check_tokens(const Tokens& tokens) {
        if (tokens.labelled() && C.classes == 0)
            throw ArgumentError("TokenCodec: labels: expected none, as the prior has no classes, got " +
                                std::to_string(tokens.size()));
        if (tokens.labelled() && tokens.classes() > C.classes)
            throw DataError("TokenCodec: classes: " +
                            expected_got("at most " + std::to_string(C.classes), std::to_string(tokens.classes())));
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            for (std::size_t at = 0; at < C.context; ++at)
                if (tokens[i][at] >= C.vocab)
                    throw DataError(
                        "TokenCodec: sequence " + std::to_string(i) + ", token " + std::to_string(at) + ": " +
                        expected_got("less than " + std::to_string(C.vocab), std::to_string(tokens[i][at])));
        }
    }
    void check_header(const CodecHeader& header, const std::string& name) const {
        const auto same = [&](std::uint64_t offset, const char* what, const std::string& expected,
                              const std::string& got) {
            if (expected != got)
                malformed(FormatCode::mismatch, name, offset, std::string{what} + ": " + expected_got(expected, got));
        };
        const auto number = [](std::uint64_t n) { return std::to_string(n); };
        same(12, "hash of the model", hex(model_), hex(header.model));
        if (const std::size_t most = header.sequences == 0 ? 0 : C.classes; header.classes > most)
            malformed(FormatCode::mismatch, name, 28,
                      "classes: " + expected_got("at most " + number(most), number(header.classes)));
        same(32, "tokens of a sequence", number(C.context), number(header.context));
        same(36, "vocabulary", number(C.vocab), number(header.vocab));
    }
    static std::string hex(std::uint64_t x) {
        std::string text(16, '0');
        for (std::size_t i = 16; i-- > 0; x >>= 4) text[i] = "0123456789abcdef"[x & 15];
        return text;
    }

    Frozen frozen_;
    std::uint64_t model_;
};

}  // namespace tessera::codec
