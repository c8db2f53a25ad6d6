#include <tessera/codec/token_codec.hpp>

#include <doctest/doctest.h>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/threads.hpp>
#include <support/tiny_gpt.hpp>
#include <support/user_block.hpp>
#include <tessera/gpt/sample.hpp>
#include <tessera/gpt/sequence_nats.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

using namespace tessera;
using codec::TokenCodec;

namespace token_codec_test {

namespace {

constexpr GptConfig config{.vocab = 37, .context = 19, .width = 40, .heads = 4, .layers = 2, .classes = 3};
constexpr GptConfig unlabelled{.vocab = 5, .context = 700, .width = 8, .heads = 2, .layers = 1};
using Prior = Gpt<config>;
using Codec = TokenCodec<Prior>;

template <std::size_t N>
std::string difference(const data::Tokens<N>& a, const data::Tokens<N>& b) {
    if (std::string d = support::first_difference(a.view().span(), b.view().span()); !d.empty()) return d;
    if (a.labelled() != b.labelled() || (a.labelled() && a.classes() != b.classes())) return "other labels";
    for (std::size_t i = 0; i < a.size() && a.labelled(); ++i)
        if (a.label(i) != b.label(i)) return "label " + std::to_string(i);
    return "";
}
data::Tokens<config.context> without_labels(const data::Tokens<config.context>& x) {
    const auto all = x.view().span();
    return data::Tokens<config.context>{{all.begin(), all.end()}};
}
// The same file with another payload, whose length and checksum are right.
Bytes with_payload(ByteView file, Bytes payload) {
    return codec::with_codec_header(codec::read_codec_header(file, "file"), payload);
}
Bytes payload_of(const Bytes& file) { return {file.begin() + codec::codec_header_size, file.end()}; }

struct Refusal {
    std::string message;
    FormatCode code{};
};
template <class C>
Refusal refusal(const C& codec, ByteView bytes) {
    try {
        static_cast<void>(codec.decode(bytes, "f"));
    } catch (const FormatError& e) {
        return {e.what(), e.code()};
    }
    return {};
}

}  // namespace

TEST_CASE("TokenCodec: decode gives back every token and label, for no, one, some and several chunks of sequences") {
    static_assert(Codec::chunk == 165);
    const Codec codec{support::moved_model<Prior>()};
    support::Mismatch wrong;
    for (const std::size_t count : {0, 1, 2, 164, 165, 166, 400}) {
        const auto x = support::sequences<config>(count, count);
        wrong.add(difference(x, codec.decode(codec.encode(x))), count, " sequences");
        const auto plain = without_labels(x);
        wrong.add(difference(plain, codec.decode(codec.encode(plain))), count, " sequences without labels");
    }
    CHECK(wrong.first() == "");
    // fewer classes than the prior has: the labels cost log2(2) bits each, and their number of classes is kept
    const data::Tokens<config.context> two{std::vector<Token>(3 * config.context), {Label{1}, Label{0}, Label{1}}, 2};
    CHECK(difference(two, codec.decode(codec.encode(two))) == "");
}

TEST_CASE("TokenCodec: any block, a prior without classes, and a context longer than a chunk of several sequences") {
    support::Mismatch wrong;
    {
        const TokenCodec codec{support::moved_model<Gpt<unlabelled>>()};
        const auto x = support::sequences<unlabelled>(9, 1);
        wrong.add(difference(x, codec.decode(codec.encode(x))), "without classes");
    }
    {
        constexpr GptConfig long_one{.vocab = 5, .context = 4000, .width = 4, .heads = 1, .layers = 1};
        const TokenCodec codec{support::moved_model<Gpt<long_one, user::Block<4>>>()};
        static_assert(decltype(codec)::chunk == 1);
        const auto x = support::sequences<long_one>(2, 1);
        wrong.add(difference(x, codec.decode(codec.encode(x))), "a user's block");
    }
    CHECK(wrong.first() == "");
}

TEST_CASE("TokenCodec: the file has the bits of the prior: 1 byte and the length more for each chunk, and the header") {
    const auto prior = support::moved_model<Prior>({}, 0.6f);
    const Codec codec{prior};
    Rng rng{4};
    std::vector<Label> labels;
    for (std::uint32_t i = 0; i < 330; ++i) labels.push_back(Label{i % 3});
    const auto x = sample(prior, labels.size(), {.labels = labels}, rng);
    double bits = 330 * std::log2(3.0);
    for (const double nats : sequence_nats(prior.freeze(), x.view(), x.labels())) bits += nats / std::numbers::ln2;
    const double size = 8 * static_cast<double>(codec.encode(x).size());
    const double most = bits + 8 * (codec::codec_header_size + 2 * 4);
    CHECK(size >= bits);
    CHECK(size <= most + 0.0001 * bits);
}

TEST_CASE("TokenCodec: the number of threads changes no byte") {
    const Codec codec{support::moved_model<Prior>()};
    const auto x = support::sequences<config>(900, 3);
    const Bytes one = support::with_threads(1, [&] { return codec.encode(x); });
    support::Mismatch wrong;
    for (const int threads : {2, 3, 4}) {
        wrong.compare(one, support::with_threads(threads, [&] { return codec.encode(x); }), "threads: ", threads);
        wrong.add(support::with_threads(threads, [&] { return difference(x, codec.decode(one)); }),
                  "threads: ", threads);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE("TokenCodec: a file of another prior, or of another first stage, is refused with both hashes") {
    const auto prior = support::moved_model<Prior>();
    auto other = prior;
    Prior::Params::each(
        [](const ParamPath& path, auto& leaf) {
            if (path.str() == "prior.2.weight") leaf[0] += 1e-6f;
        },
        other.params());
    const auto x = support::sequences<config>(3, 1);
    const Codec codec{prior}, of_other{other}, of_first_stage{prior, 77};
    const Bytes file = codec.encode(x);
    for (const Codec* c : {&of_other, &of_first_stage}) {
        const Refusal r = refusal(*c, file);
        CHECK(r.code == FormatCode::mismatch);
        char expected[120];
        std::snprintf(expected, sizeof expected, "f @12: hash of the model: expected %016llx, got %016llx",
                      static_cast<unsigned long long>(c->model()), static_cast<unsigned long long>(codec.model()));
        CHECK(r.message == expected);
    }
    CHECK(Codec{prior, 77}.model() == of_first_stage.model());
}

TEST_CASE("TokenCodec: the header must have the sizes of the prior, also where its hash is right") {
    const Codec codec{support::moved_model<Prior>()};
    const Bytes file = codec.encode(support::sequences<config>(3, 1));
    const Bytes payload = payload_of(file);
    const auto with = [&](auto change) {
        codec::CodecHeader header = codec::read_codec_header(file, "f");
        change(header);
        return refusal(codec, codec::with_codec_header(header, payload));
    };
    CHECK(with([](auto& h) { h.classes = 4; }).message == "f @28: classes: expected at most 3, got 4");
    CHECK(with([](auto& h) { h.context = 20; }).message == "f @32: tokens of a sequence: expected 19, got 20");
    CHECK(with([](auto& h) { h.vocab = 36; }).message == "f @36: vocabulary: expected 37, got 36");
    CHECK(with([](auto& h) { h.vocab = 36; }).code == FormatCode::mismatch);
    CHECK(with([](auto& h) { h.sequences = 0; }).message == "f @28: classes: expected at most 0, got 3");
    const Refusal most = with([](auto& h) { h.sequences = ~std::uint64_t{0}; });
    CHECK(most.code == FormatCode::limit);
    CHECK(support::contains(most.message, "f @20: sequences: expected at most "));
    CHECK(support::contains(most.message, "got 18446744073709551615"));
    CHECK(!with([](auto& h) { h.sequences = 2; }).message.empty());
    CHECK(!with([](auto& h) { h.sequences = 4; }).message.empty());
    CHECK(with([](auto& h) { h.sequences = 166; }).message ==
          "f @" + std::to_string(file.size()) + ": chunk: expected its length");
}

TEST_CASE(
    "TokenCodec: whatever the payload, decode throws a FormatError or gives tokens that encode to the same file") {
    constexpr GptConfig tiny{.vocab = 3, .context = 4, .width = 8, .heads = 2, .layers = 1, .classes = 2};
    const TokenCodec codec{support::moved_model<Gpt<tiny>>({}, 0.8f)};
    const Bytes good = codec.encode(support::sequences<tiny>(5, 1));
    support::Mismatch wrong;
    int accepted = 0, refused = 0;
    Rng rng{9};
    for (int i = 0; i < 5000; ++i) {
        Bytes payload = payload_of(good);
        for (std::uint32_t changes = 1 + rng.below(3); changes > 0 && !payload.empty(); --changes) {
            const std::uint32_t at = rng.below(static_cast<std::uint32_t>(payload.size()));
            switch (rng.below(4)) {
            case 0:
                payload.erase(payload.begin() + at);
                break;
            case 1:
                payload.insert(payload.begin() + at, static_cast<unsigned char>(rng.bits()));
                break;
            default:
                payload[at] = static_cast<unsigned char>(rng.bits());
            }
        }
        const Bytes file = with_payload(good, payload);
        try {
            wrong.compare(file, codec.encode(codec.decode(file)), "variant ", i);
            ++accepted;
        } catch (const FormatError&) {
            ++refused;
        }
    }
    CHECK(wrong.first() == "");
    CHECK(accepted > 10);
    CHECK(refused > 1000);
}

TEST_CASE("TokenCodec: malformed chunks are refused with their position") {
    const Codec codec{support::moved_model<Prior>()};
    const Bytes good = codec.encode(support::sequences<config>(3, 1)), payload = payload_of(good);
    const auto message = [&](const Bytes& p) { return refusal(codec, with_payload(good, p)).message; };
    CHECK(message({0x80, 0x00, 1, 2}) == "f @52: length of a chunk: expected the shortest LEB128");
    CHECK(message({0x80, 0x80, 0x80, 0x80, 0x80, 1}) == "f @52: length of a chunk: expected the shortest LEB128");
    CHECK(message({0x85}) == "f @20: sequences: expected at most 0 in a file of 53 bytes, got 3");
    CHECK(message({0x85, 0x85}) == "f @54: chunk: expected its length");
    CHECK(message({9, 1, 2}) == "f @53: chunk: expected 9 bytes, got 2");
    Bytes surplus = payload;
    surplus.push_back(0);
    CHECK(message(surplus) == "f @" + std::to_string(good.size()) + ": after the last chunk: expected no bytes, got 1");
    Bytes inside = surplus;  // the surplus byte belongs to the chunk
    ++inside[0];
    CHECK(support::contains(message(inside), ": bytes of the symbols: expected "));
}

TEST_CASE("TokenCodec: tokens and labels out of range, and labels that the prior does not know, are errors") {
    const Codec codec{support::moved_model<Prior>()};
    std::vector<Token> tokens(2 * config.context);
    tokens[config.context + 5] = no_token;
    CHECK(support::message<DataError>([&] { static_cast<void>(codec.encode(data::Tokens<config.context>{tokens})); }) ==
          "TokenCodec: sequence 1, token 5: expected less than 37, got 4294967295");
    tokens[config.context + 5] = 0;
    CHECK(support::message<DataError>([&] {
              static_cast<void>(codec.encode(data::Tokens<config.context>{tokens, {Label{1}, Label{3}}}));
          }) == "TokenCodec: classes: expected at most 3, got 4");
    const TokenCodec plain{support::moved_model<Gpt<unlabelled>>()};
    CHECK(support::message<ArgumentError>([&] {
              static_cast<void>(
                  plain.encode(data::Tokens<unlabelled.context>{std::vector<Token>(unlabelled.context), {Label{0}}}));
          }) == "TokenCodec: labels: expected none, as the prior has no classes, got 1");
}

}  // namespace token_codec_test
