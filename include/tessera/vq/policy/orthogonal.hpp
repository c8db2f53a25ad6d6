#pragma once
// Orthogonal: a term of a Codebook that spreads the directions of its vectors.
//
//     weight (sum_ij (eh_i . eh_j)^2 / K^2 - 1 / K),   eh = e / |e|
//                                        (Shin, Lee, Jung 2023, arXiv:2112.00384, eq. 4, less its minimum for K <= D)
//
// It needs vq::Gradient, at most 4096 vectors, and is part of the term "codebook", which moves only the vectors.
// It does not mend a collapse: with a commitment of 0.25 it leaves 10 % of 256 vectors in use on the bundled digits, as
// vq::Gradient does without it; with the default of 0.02 100 % (19.2 dB after three epochs).
//
// Cost     2 K^2 D multiply-adds and K^2 numbers in each packing

#include <tessera/core/buffer.hpp>
#include <tessera/kernel/gemm/gemm.hpp>
#include <tessera/kernel/gemm/panels.hpp>
#include <tessera/kernel/reduce.hpp>
#include <tessera/vq/policy/cosine.hpp>
#include <tessera/vq/policy/policies.hpp>

#include <concepts>
#include <cstddef>
#include <span>

namespace tessera::inline TESSERA_ABI::vq {

struct Orthogonal {
    using category = TermPolicy;

    /// The value of the term, and its gradient.
    template <std::floating_point T>
    struct Packed {
        double value = 0;
        Buffer<T> de;

        Buffer<T> unit, inverse, products;
        kernel::Panels<T> panels;

        void pack(std::size_t codes, std::size_t width, const T* e, double weight) {
            unit.resize(codes * width);
            de.resize(codes * width);
            products.resize(codes * codes);
            inverse.resize(codes);
            for (std::size_t k = 0; k < codes; ++k)
                inverse[k] = static_cast<T>(Cosine::normalise_row(width, e + k * width, unit.data() + k * width));
            // c = Eh Eh^T
            panels.pack(width, codes, unit.data(), 1, width);
            kernel::gemm<T>(codes, unit.data(), width, panels, products.data(), codes);
            const double count = static_cast<double>(codes);
            value = weight * (kernel::sum_squares<T>({products.data(), codes * codes}) / (count * count) - 1 / count);
            // d eh = 4 / K^2 c Eh, then through the normalisation
            panels.pack(codes, width, unit.data(), width, 1);
            kernel::gemm<T>(codes, products.data(), codes, panels, de.data(), width);
            const double scale = 4 * weight / (count * count);
            for (std::size_t k = 0; k < codes; ++k) {
                T* const row = de.data() + k * width;
                Cosine::backward_row(width, unit.data() + k * width, row, scale * static_cast<double>(inverse[k]), row);
            }
        }
    };
};

}  // namespace tessera::vq
