#pragma once
// AnyOrderCache: the state of the layers of an AnyOrderGpt for a few sequences that are extended together: the keys and
// values of their contents.
//
// A step takes contents, which are kept, and queries, which are not (nn/two_stream_attention.hpp). In float the logits
// have the bits of FrozenAnyOrderGpt::logits: every sum runs in the same order.
//
// Shapes   rows, places [sequences, rows of the step], positions [rows of the step],
//          logits [sequences, rows of the step, vocab]
// Cost     memory per sequence: 4 layers context width elements. A step allocates nothing

#include <tessera/core/buffer.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/token.hpp>
#include <tessera/kernel/threads/team.hpp>
#include <tessera/nn/step.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace tessera::inline TESSERA_ABI::detail {

/// Frozen: a FrozenAnyOrderGpt.
template <class Frozen>
class AnyOrderCache {
    using Net = typename Frozen::Net;
    using T = typename Frozen::Scalar;

public:
    explicit AnyOrderCache(const nn::Capacity& capacity)
        : sequences_{capacity.sequences}, state_{capacity}, scratch_{capacity},
          logits_(capacity.rows() * Frozen::vocab) {}

    /// Feeds the next rows of each sequence and their places (detail::AnyOrderInput), [sequence][row]; row t is row
    /// positions[t] of the net. All workers of a team call it together and must synchronise before the next step.
    [[nodiscard]] std::span<T> step(const Frozen& frozen, std::span<const Token> rows,
                                    std::span<const std::uint32_t> places, std::span<const std::size_t> positions,
                                    const kernel::Worker& worker) {
        with_fp_environment([&] {
            nn::Step at{.worker = worker,
                        .sequences = sequences_,
                        .tokens = positions.size(),
                        .positions = positions.data(),
                        .places = places.data()};
            Net::step(frozen.weights(), {rows.data(), rows.size()}, {logits_.data(), rows.size()}, state_, scratch_,
                      at);
            at.wait();
        });
        return std::span<T>{logits_}.first(rows.size() * Frozen::vocab);
    }

private:
    std::size_t sequences_;
    typename Net::State state_;
    typename Net::Scratch scratch_;
    Buffer<T> logits_;
};

}  // namespace tessera::detail
