#pragma once
// Cosine: distance policy of a Codebook: rows and vectors are on the unit sphere, so the nearest vector is that of the
// largest cosine.
//
//     zh = z / |z|,   eh = e / |e|,   q = eh[argmax_k zh . eh_k]
//     dz = (dzh - zh (zh . dzh)) / |z|,  and the same for e where it has a gradient
//                                        (Yu et al. 2021, "Vector-quantized image modeling with improved VQGAN",
//                                         arXiv:2110.04627, sec. 3.2: with few dimensions it uses large codebooks)
//
// The loss terms and the moving averages are of zh; those of e are not normalised before the search is packed. As in
// torch.nn.functional.normalize, a norm below 1e-12 counts as 1e-12; the gradient of such a row is 0, and not as in
// PyTorch 1e12 times that of zh.
//
// Cost     two dot products for each row; one pass over the codebook in each packing

#include <tessera/kernel/simd/simd.hpp>
#include <tessera/vq/policy/policies.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::vq {

struct Cosine {
    using category = DistancePolicy;
    static constexpr bool normalises = true;

    /// 1 / |x|
    template <std::floating_point T>
    static double inverse_norm(std::size_t width, const T* x) {
        double sum = 0;
        for (std::size_t i = 0; i < width; ++i)
            sum = kernel::simd::fma(static_cast<double>(x[i]), static_cast<double>(x[i]), sum);
        const double norm = std::sqrt(sum);
        return 1 / (norm < least ? least : norm);  // NaN stays NaN
    }
    /// y = x / |x|; y may be x. Returns 1 / |x|.
    template <std::floating_point T>
    static double normalise_row(std::size_t width, const T* x, T* y) {
        const double scale = inverse_norm(width, x);
        for (std::size_t i = 0; i < width; ++i) y[i] = static_cast<T>(scale * static_cast<double>(x[i]));
        return scale;
    }
    /// dx = the gradient of x, given y = x / |x|, its gradient dy, and 1 / |x|. dx may be dy.
    template <std::floating_point T>
    static void backward_row(std::size_t width, const T* y, const T* dy, double inverse, T* dx) {
        using kernel::simd::fma;
        const double scale = inverse < 1 / least ? inverse : 0;
        double along = 0;
        for (std::size_t i = 0; i < width; ++i)
            along = fma(static_cast<double>(y[i]), static_cast<double>(dy[i]), along);
        for (std::size_t i = 0; i < width; ++i)
            dx[i] = static_cast<T>(scale * fma(-along, static_cast<double>(y[i]), static_cast<double>(dy[i])));
    }

private:
    static constexpr double least = 1e-12;
};

}  // namespace tessera::vq
