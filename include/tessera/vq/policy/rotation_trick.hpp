#pragma once
// RotationTrick: estimator policy of a Codebook: the gradient is rotated and scaled as z is to become its vector.
//
//     zh = z / |z|,  qh = q / |q|,  r = (zh + qh) / |zh + qh|,  l = |q| / |z|
//     q = l R z with R = I - 2 r r^T + 2 qh zh^T, all of which are constants in backward
//     dz = l R^T dq = l (dq - 2 r (r . dq) + 2 zh (qh . dq))
//                                        (Fifty et al. 2024, arXiv:2410.06424, sec. 4.2)
//
// The angle between dz and z is that between dq and q, so rows of one cell move differently, by where they are in it.
// The scale l stays in the gradient: without it l R z would not be q. Where z or q is nearly zero, or they point in
// opposite directions, the rotation is not defined and the gradient goes straight through.
//
// Cost     five dot products for each row in backward

#include <tessera/kernel/simd/simd.hpp>
#include <tessera/vq/policy/policies.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::vq {

struct RotationTrick {
    using category = EstimatorPolicy;
    static constexpr bool moves_vectors = false, changes_output = false, selects = false;

    template <std::floating_point T>
    static void backward_row(std::size_t width, const T* z, const T* e, const T*, const T* dq, T* dz, T*) {
        using kernel::simd::fma;
        double zz = 0, ee = 0, ze = 0, zg = 0, eg = 0;
        for (std::size_t i = 0; i < width; ++i) {
            const double a = static_cast<double>(z[i]), b = static_cast<double>(e[i]), g = static_cast<double>(dq[i]);
            zz = fma(a, a, zz);
            ee = fma(b, b, ee);
            ze = fma(a, b, ze);
            zg = fma(a, g, zg);
            eg = fma(b, g, eg);
        }
        const double nz = std::sqrt(zz), ne = std::sqrt(ee);
        const double sum = nz > least && ne > least ? 2 + 2 * (ze / (nz * ne)) : 0;  // |zh + qh|^2
        const bool rotates = sum > least;
        const double scale = rotates ? ne / nz : 1;
        // dz = scale (dq - along_r (zh + qh) + along_z zh), with zg / nz = zh . dq and eg / ne = qh . dq
        const double along_r = rotates ? 2 * (zg / nz + eg / ne) / sum : 0, along_z = rotates ? 2 * (eg / ne) : 0;
        const double by_z = rotates ? (along_z - along_r) / nz : 0, by_e = rotates ? -along_r / ne : 0;
        for (std::size_t i = 0; i < width; ++i) {
            const double a = static_cast<double>(z[i]), b = static_cast<double>(e[i]), g = static_cast<double>(dq[i]);
            dz[i] = static_cast<T>(scale * fma(by_z, a, fma(by_e, b, g)));
        }
    }

private:
    static constexpr double least = 1e-6;
};

}  // namespace tessera::vq
