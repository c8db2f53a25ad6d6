#pragma once
// SpaceFillingDiVeQ: estimator policy of a Codebook: in training rows become points of the curve through all vectors.
//
// So every vector is moved by the rows of its neighbours, and none dies.
//
//     d_i = (1 - l_i) e_i + l_i e_{i+1},   l_i ~ U[0, 1) for each of the K - 1 segments, for all rows of a step
//     training      i = argmin |z - d_i|,   q = z + (1 - l_i) |e_i - z| u1 + l_i |e_{i+1} - z| u2,   token i
//     evaluation    the nearest vector, as any codebook
//     dz = dq - d1 - d2,   de_i = d1,   de_{i+1} = d2,   d1 = (1 - l_i) (e_i - z) (u1 . dq) / |e_i - z|, d2 likewise
//                                        (Vali et al. 2025, arXiv:2509.26469, sec. 3.3; u1 and u2 as in vq::DiVeQ)
//
// The paper evaluates with the nearest point of the curve, which no token describes; a codebook must decode its tokens,
// so evaluation takes vectors. The curve follows the order of the vectors: `order` arranges those of k-means as a path
// of nearest neighbours.
//
// On the bundled digits (small nets of examples/digits, three epochs) 61 % of 256 vectors are the nearest of a row in
// evaluation, 21.2 dB; vq::DiVeQ has 100 %, 21.3 dB.
//
// There is no revival: moving the vectors that are the nearest of no row onto rows brings 100 % into use in the same
// run, but 20.8 dB (99.6 % and 19.9 dB with {.below = 0.02, .grace = 50}). A moved vector keeps its place in the curve,
// so the two segments at it lead across the space.
//
// Cost     in training K D numbers packed for each block of samples; at the start K^2 D multiply-adds for the path

#include <tessera/core/buffer.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/token.hpp>
#include <tessera/kernel/nearest_vector.hpp>
#include <tessera/kernel/simd/simd.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/vq/policy/diveq.hpp>
#include <tessera/vq/policy/policies.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>

namespace tessera::inline TESSERA_ABI::vq {

struct SpaceFillingDiVeQ {
    using category = EstimatorPolicy;
    static constexpr bool moves_vectors = true, changes_output = true, selects = true;

    template <std::floating_point T>
    struct Cache {
        kernel::CodePanels<T> panels;  // of the d_i
        Buffer<T> points, share;       // d_i, l_i
        Buffer<T> de_next;             // gradient of e_{i+1}, a row per token
        Buffer<Token> next;            // i + 1, or no_token
        Rng noise;
        std::size_t first = 0;
    };

    /// e: the vectors [K, width], in the order of the curve.
    template <std::floating_point T>
    static void forward(std::size_t codes, std::size_t width, const T* e, const nn::Pass& pass, std::size_t per_sample,
                        double noise, std::span<const T> x, std::span<Token> tokens, std::span<T> q, Cache<T>& c) {
        // the points d_i of this step
        const std::size_t segments = codes - 1;
        c.points.resize(segments * width);
        c.share.resize(segments);
        Rng shares = pass.rng.split(3);
        for (std::size_t i = 0; i < segments; ++i) {
            c.share[i] = static_cast<T>(shares.uniform());
            for (std::size_t j = 0; j < width; ++j) {
                const T from = e[i * width + j], to = e[(i + 1) * width + j];
                c.points[i * width + j] = kernel::simd::fma<T>(c.share[i], to - from, from);
            }
        }
        c.panels.pack(segments, width, c.points.data());
        kernel::nearest_vector<T>(tokens.size(), x.data(), width, c.panels, tokens.data());
        c.noise = pass.rng.split(2);
        c.first = pass.first * per_sample;
        for (std::size_t m = 0; m < tokens.size(); ++m) {
            if (tokens[m] == no_token) continue;  // the caller throws
            const std::size_t at = m * width;
            std::copy_n(x.data() + at, width, q.data() + at);
            for_ends(e, width, tokens[m], m, c, [&](const T* end, double share, Rng rng) {
                DiVeQ::move_row(width, x.data() + at, end, rng, noise, share, q.data() + at);
            });
        }
    }
    /// de: the gradient of e_i; that of e_{i+1} is in c.de_next, for the tokens c.next.
    template <std::floating_point T>
    static void backward(std::size_t width, const T* e, double noise, std::span<const T> x,
                         std::span<const Token> tokens, std::span<const T> dq, std::span<T> dx, std::span<T> de,
                         Cache<T>& c) {
        c.de_next.resize(tokens.size() * width);
        c.next.resize(tokens.size());
        for (std::size_t m = 0; m < tokens.size(); ++m) {
            const std::size_t at = m * width;
            c.next[m] = tokens[m] == no_token ? no_token : tokens[m] + 1;
            std::copy_n(dq.data() + at, width, dx.data() + at);
            std::fill_n(de.data() + at, width, T(0));
            std::fill_n(c.de_next.data() + at, width, T(0));
            if (tokens[m] == no_token) continue;
            T* to = de.data() + at;
            for_ends(e, width, tokens[m], m, c, [&](const T* end, double share, Rng rng) {
                end_gradient(width, x.data() + at, end, rng, noise, share, dq.data() + at, dx.data() + at, to);
                to = c.de_next.data() + at;
            });
        }
    }
    /// Arranges vectors as a path: each is followed by the nearest of those that are left.
    template <std::floating_point T>
    static void order(std::size_t codes, std::size_t width, T* e) {
        for (std::size_t k = 0; k + 1 < codes; ++k) {
            std::size_t nearest = k + 1;
            double least = std::numeric_limits<double>::infinity();
            for (std::size_t j = k + 1; j < codes; ++j) {
                double sum = 0;
                for (std::size_t i = 0; i < width; ++i) {
                    const double d = static_cast<double>(e[j * width + i]) - static_cast<double>(e[k * width + i]);
                    sum = kernel::simd::fma(d, d, sum);
                }
                if (sum < least) {
                    least = sum;
                    nearest = j;
                }
            }
            std::swap_ranges(e + (k + 1) * width, e + (k + 2) * width, e + nearest * width);
        }
    }

private:
    // Calls f(vector, share, generator of its noise) for both ends of the segment of row m.
    template <class T, class F>
    static void for_ends(const T* e, std::size_t width, Token i, std::size_t m, const Cache<T>& c, F&& f) {
        const double share = static_cast<double>(c.share[i]);
        const Rng rng = c.noise.split(c.first + m);
        f(e + std::size_t{i} * width, 1 - share, rng.split(0));
        f(e + (std::size_t{i} + 1) * width, share, rng.split(1));
    }
    // d = share (e - z) (u . dq) / |e - z|: de = d, dz -= d.
    template <class T>
    static void end_gradient(std::size_t width, const T* z, const T* e, Rng rng, double noise, double share,
                             const T* dq, T* dz, T* de) {
        using kernel::simd::fma;
        double error = 0, length = 0, along = 0;
        for (std::size_t i = 0; i < width; ++i) {
            const double d = static_cast<double>(e[i]) - static_cast<double>(z[i]);
            const double u = fma(noise, static_cast<double>(rng.normal()), d);
            error = fma(d, d, error);
            length = fma(u, u, length);
            along = fma(u, static_cast<double>(dq[i]), along);
        }
        const double scale = error > 0 && length > 0 ? share * along / (std::sqrt(length) * std::sqrt(error)) : 0;
        DiVeQ::add_length_gradient(width, z, e, scale, dz, de);
    }
};

}  // namespace tessera::vq
