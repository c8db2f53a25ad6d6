#pragma once
// WholeBatch: the encoder's output of a batch of which this process may have only a part, for what a VqVae does before
// the batch is divided: initialize_from_data and pack_batch of its quantizer. They see the positions that count.

#include <tessera/core/error.hpp>
#include <tessera/core/shape.hpp>
#include <tessera/core/tensor.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::vq::detail {

template <class T, class Latent>
struct WholeBatch {
    static constexpr std::size_t rows = row_count<Latent>, width = last_dim<Latent>;
    std::vector<T> gathered, gathered_counts;  // those of all processes, where there are several

    /// The samples of all processes are here, those of x among them, until they are taken.
    template <class Batch>
    void keep(Batch x, std::size_t samples) {
        kept_ = samples;
        own_ = x.batch();
        at_ = x.data();
    }
    void forget() noexcept { kept_ = 0; }
    /// Which positions of all processes count (PositionMask). All processes have gathered the same, so all throw or
    /// none: ArgumentError where some have a mask and others none.
    void set_counts(std::span<const T> all, std::size_t samples) {
        if (!all.empty() && all.size() != samples * rows)
            throw ArgumentError(
                "VqVae: batch: mask: " +
                expected_got("one in each process or in none", "one for " + std::to_string(all.size() / rows) + " of " +
                                                                   std::to_string(samples) + " images"));
        counts_.assign(all.begin(), all.end());
    }
    /// The rows of z that count, those of all processes.
    View<const T, Latent> counted(View<const T, Latent> z) { return counted(z, counts_); }
    /// z = encoder(x), in evaluation
    template <class Frozen, class Batch>
    static void encode(const Frozen& frozen, Batch x, Tensor<T, Latent>& z, typename Frozen::Workspace& ws) {
        z.resize(x.batch());
        if (x.batch() > 0) frozen.encode_vectors(x.images(), z, ws);
    }
    /// The rows that count of all processes: those of z where this one has the whole batch, by own_counts. StateError
    /// where they were not gathered.
    template <class Frozen, class Batch>
    View<const T, Latent> take(const Frozen& frozen, Batch x, std::span<const T> own_counts, std::size_t samples,
                               Tensor<T, Latent>& z, typename Frozen::Workspace& ws) {
        const std::size_t got = std::exchange(kept_, 0);
        const bool is_it = got == samples && own_ == x.batch() && (own_ == 0 || at_ == x.data());
        if (!is_it && x.batch() == samples) encode(frozen, x, z, ws);
        if (x.batch() == samples) return counted(std::as_const(z), own_counts);
        if (!is_it)
            throw StateError("VqVae: loss_and_grad: expected prepare for these " + std::to_string(samples) +
                             " samples before, got it for " + std::to_string(got) + (got == samples ? " others" : ""));
        return counted({gathered.data(), samples}, counts_);
    }

private:
    // In their order; the last sample is completed with the first of them.
    View<const T, Latent> counted(View<const T, Latent> z, std::span<const T> by) {
        if (by.empty()) return z;
        packed_.resize(z.elements());
        const auto copy = [&](const T* from, std::size_t to) { std::copy_n(from, width, packed_.data() + to * width); };
        std::size_t found = 0;
        for (std::size_t m = 0; m < by.size(); ++m)
            if (by[m] > T(0)) copy(z.data() + m * width, found++);
        const std::size_t samples = (found + rows - 1) / rows;
        for (std::size_t m = found; m < samples * rows; ++m) copy(packed_.data() + (m - found) % found * width, m);
        return {packed_.data(), samples};
    }

    std::size_t kept_ = 0, own_ = 0;
    const void* at_ = nullptr;  // the elements of x
    std::vector<T> counts_, packed_;
};

}  // namespace tessera::vq::detail
