#pragma once
// encode_tokens and decode_tokens for one preset: with the prior of this vocabulary and context.

#include "prior_codec.hpp"
#include "prior_stage.hpp"

#include <tessera/codec/token_codec.hpp>
#include <tessera/gpt/likeliest_labels.hpp>
#include <tessera/gpt/sequence_nats.hpp>
#include <tessera/io/weights.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <utility>

namespace digits {

template <class Prior>
Prior load_prior(const std::string& path) {
    ts::Rng unused{0};
    Prior prior{unused};
    ts::io::load(path, {.accept = {ts::io::everything}}, prior);  // options of training do not matter here
    return prior;
}

template <Preset P>
Coded encode_tokens(PriorSize size, const CodecJob& job, std::uint64_t first_stage, std::vector<ts::Token> tokens) {
    return with_prior<P, Order::raster>(size, [&]<class Prior>() {
        const Prior prior = load_prior<Prior>(job.model);
        const auto frozen = prior.freeze();
        const ts::View<const ts::Token, ts::Shape<Prior::context>> view{tokens.data(), tokens.size() / Prior::context};
        std::vector<ts::Label> labels;
        if (job.classes > 0) labels = ts::likeliest_labels(frozen, view, job.classes);
        double bits = 0;
        for (const double nats : ts::sequence_nats(frozen, view, labels)) bits += nats / std::numbers::ln2;
        bits +=
            static_cast<double>(labels.size()) * std::log2(static_cast<double>(std::max<std::size_t>(job.classes, 1)));
        const ts::codec::TokenCodec codec{prior, first_stage};
        return Coded{codec.encode(Codes<Prior>{std::move(tokens), std::move(labels), job.classes}), bits};
    });
}

template <Preset P>
std::vector<ts::Token> decode_tokens(PriorSize size, const CodecJob& job, std::uint64_t first_stage, ts::ByteView file,
                                     const std::string& name) {
    return with_prior<P, Order::raster>(size, [&]<class Prior>() {
        const ts::codec::TokenCodec codec{load_prior<Prior>(job.model), first_stage};
        const auto tokens = codec.decode(file, name);
        const auto all = tokens.view().span();
        return std::vector<ts::Token>(all.begin(), all.end());
    });
}

}  // namespace digits
