#pragma once
// WholeBatch: the encoder's output of a batch of which this process may have only a part, for what a VqVae does before
// the batch is divided: start and pack_batch of its quantizer.

#include <tessera/core/error.hpp>
#include <tessera/core/tensor.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::vq::detail {

template <class T, class Latent>
struct WholeBatch {
    std::vector<T> gathered;  // that of all processes, where there are several

    /// The samples of all processes are here, those of x among them, until they are taken.
    template <class Batch>
    void keep(Batch x, std::size_t samples) {
        kept = samples;
        own = x.batch();
        at = x.data();
    }
    void forget() noexcept { kept = 0; }
    /// z = encoder(x), in evaluation
    template <class Frozen, class Batch>
    static void encode(const Frozen& frozen, Batch x, Tensor<T, Latent>& z, typename Frozen::Workspace& ws) {
        z.resize(x.batch());
        if (x.batch() > 0) frozen.encode_vectors(x, z, ws);
    }
    /// That of all processes: z where this one has the whole batch. StateError where it was not gathered.
    template <class Frozen, class Batch>
    View<const T, Latent> take(const Frozen& frozen, Batch x, std::size_t samples, Tensor<T, Latent>& z,
                               typename Frozen::Workspace& ws) {
        const std::size_t got = std::exchange(kept, 0);
        const bool is_it = got == samples && own == x.batch() && (own == 0 || at == x.data());
        if (!is_it && x.batch() == samples) encode(frozen, x, z, ws);
        if (x.batch() == samples) return std::as_const(z);
        if (!is_it)
            throw StateError("VqVae: loss_and_grad: expected prepare for these " + std::to_string(samples) +
                             " samples before, got it for " + std::to_string(got) + (got == samples ? " others" : ""));
        return {gathered.data(), samples};
    }

private:
    std::size_t kept = 0, own = 0;
    const void* at = nullptr;  // the numbers of x
};

}  // namespace tessera::vq::detail
