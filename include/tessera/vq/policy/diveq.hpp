#pragma once
// DiVeQ: estimator policy of a Codebook: q in training is z moved by the length of the quantization error, and this
// length has a gradient, so the vectors learn from the decoder and there is no loss term.
//
//     training      q = z + |e - z| u,   u = unit vector of (e - z) + noise,   noise ~ N(0, s^2), u a constant
//     evaluation    q = e
//     dz = dq - d,   de = d,   d = (e - z) (u . dq) / |e - z|
//                                        (Vali et al. 2025, arXiv:2509.26469; here s is the standard deviation)
//
// The default of s is what the authors' code draws with (1e-3); vector-quantize-pytorch takes 5e-3 as the variance. The
// vectors need a gradient (vq::Gradient or a bridge) and revival, without which unused vectors stay.
//
// Cost     normal numbers as large as z in forward, two dot products for each row in backward

#include <tessera/core/rng.hpp>
#include <tessera/kernel/simd/simd.hpp>
#include <tessera/vq/policy/policies.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::vq {

struct DiVeQ {
    using category = EstimatorPolicy;
    static constexpr bool moves_vectors = true, changes_output = true, selects = false;

    /// q += share |e - z| u; the caller has set q, to z before the first vector.
    template <std::floating_point T>
    static void move_row(std::size_t width, const T* z, const T* e, Rng& rng, double noise, double share, T* q) {
        using kernel::simd::fma;
        // |e - z|^2 and |u|^2 before it is normalised; the numbers are drawn again when it is added
        Rng again = rng;
        double error = 0, length = 0;
        for (std::size_t i = 0; i < width; ++i) {
            const double d = static_cast<double>(e[i]) - static_cast<double>(z[i]);
            const double u = fma(noise, static_cast<double>(rng.normal()), d);
            error = fma(d, d, error);
            length = fma(u, u, length);
        }
        const double scale = length > 0 ? share * std::sqrt(error) / std::sqrt(length) : 0;
        for (std::size_t i = 0; i < width; ++i) {
            const double d = static_cast<double>(e[i]) - static_cast<double>(z[i]);
            const double u = fma(noise, static_cast<double>(again.normal()), d);
            q[i] = static_cast<T>(fma(scale, u, static_cast<double>(q[i])));
        }
    }
    template <std::floating_point T>
    static void training_row(std::size_t width, const T* z, const T* e, Rng rng, double noise, T* q) {
        for (std::size_t i = 0; i < width; ++i) q[i] = z[i];
        move_row(width, z, e, rng, noise, 1.0, q);
    }
    template <std::floating_point T>
    static void backward_row(std::size_t width, const T* z, const T* e, const T* q, const T* dq, T* dz, T* de) {
        using kernel::simd::fma;
        double error = 0, along = 0;  // |e - z|^2, and (q - z) . dq = |e - z| (u . dq)
        for (std::size_t i = 0; i < width; ++i) {
            const double a = static_cast<double>(z[i]), d = static_cast<double>(e[i]) - a;
            error = fma(d, d, error);
            along = fma(static_cast<double>(q[i]) - a, static_cast<double>(dq[i]), along);
        }
        std::copy_n(dq, width, dz);
        add_length_gradient(width, z, e, error > 0 ? along / error : 0, dz, de);
    }
    /// The gradient of |e - z| times scale |e - z|: de = d, dz -= d, d = scale (e - z).
    template <std::floating_point T>
    static void add_length_gradient(std::size_t width, const T* z, const T* e, double scale, T* dz, T* de) {
        for (std::size_t i = 0; i < width; ++i) {
            const double d = scale * (static_cast<double>(e[i]) - static_cast<double>(z[i]));
            de[i] = static_cast<T>(d);
            dz[i] = static_cast<T>(static_cast<double>(dz[i]) - d);
        }
    }
};

}  // namespace tessera::vq
