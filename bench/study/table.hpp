#pragma once
// The rows of the study. First all rows of the table of `digits` (examples/support/quantizers.hpp) with the quantizers
// of its preset `std`: a quantizer that is added there is in the study too. Then quantizers that only the study has,
// and the sweep: sizes of codebooks and of FSQ.

#include <examples/support/quantizers.hpp>

#include <tessera/nn/gelu.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/residual.hpp>
#include <tessera/vq/binary_residual.hpp>
#include <tessera/vq/bsq.hpp>
#include <tessera/vq/gaussian_quant.hpp>
#include <tessera/vq/grouped_vq.hpp>
#include <tessera/vq/policy/bridge.hpp>
#include <tessera/vq/policy/cosine.hpp>
#include <tessera/vq/policy/diveq.hpp>
#include <tessera/vq/policy/diversity.hpp>
#include <tessera/vq/policy/fixed.hpp>
#include <tessera/vq/policy/gradient.hpp>
#include <tessera/vq/policy/orthogonal.hpp>
#include <tessera/vq/policy/sim_vq.hpp>
#include <tessera/vq/policy/space_filling_diveq.hpp>
#include <tessera/vq/policy/temperature_sampling.hpp>
#include <tessera/vq/projected.hpp>
#include <tessera/vq/residual_fsq.hpp>

#include <cstddef>
#include <tuple>
#include <type_traits>

namespace study {

#ifndef STUDY_SIDE
#define STUDY_SIDE 28
#endif
/// Images have side x side pixels, and side / 4 x side / 4 positions.
inline constexpr std::size_t side = STUDY_SIDE;
inline constexpr std::size_t positions = side / 4;

/// One row. With a prior where `group` is "quantizers"; in the "sweep" the vocabularies differ too much.
template <class Q>
struct Row {
    using Chosen = Q;
    using Bound = typename Q::template Bound<positions>;

    const char* group;
    const char* name;
};

using digits::Of;

/// The net of vq::Bridge: small, and the identity plus a change.
using BridgeNet = tessera::nn::Residual<tessera::nn::Linear<128>, tessera::nn::Gelu, tessera::nn::Linear<64>>;
template <class... Policies>
using Of512 = Row<Of<64, tessera::Codebook<512, Policies...>>>;

/// Quantizers that `digits` does not offer: Row<Of<width, Spec>>{"quantizers", name}. All have 9 bits for each
/// position, or as nearly as their form allows.
inline constexpr std::tuple only_here{
    Row<Of<16, tessera::Codebook<512>>>{"quantizers", "codebook-16"},
    Of512<tessera::vq::Gradient>{"quantizers", "gradient"},
    Of512<tessera::vq::Cosine>{"quantizers", "cosine"},
    Of512<tessera::vq::Gradient, tessera::vq::SpaceFillingDiVeQ>{"quantizers", "sf-diveq"},
    Of512<tessera::vq::SimVq>{"quantizers", "simvq"},
    Of512<tessera::vq::Bridge<BridgeNet>>{"quantizers", "bridge"},
    Of512<tessera::vq::TemperatureSampling>{"quantizers", "sampling"},
    Of512<tessera::vq::Gradient, tessera::vq::Orthogonal>{"quantizers", "orthogonal"},
    Of512<tessera::vq::Diversity>{"quantizers", "diversity"},
    Of512<tessera::vq::Fixed>{"quantizers", "fixed"},
    Row<Of<64, tessera::Projected<8, tessera::Codebook<512, tessera::vq::Cosine>>>>{"quantizers", "projected-cosine"},
    Row<Of<3, tessera::FsqWith<tessera::FsqBound::scaled_sigmoid, 8, 8, 8>>>{"quantizers", "ifsq"},
    Row<Of<9, tessera::Bsq<9>>>{"quantizers", "bsq"},
    Row<Of<16, tessera::GaussianQuant<512>>>{"quantizers", "gaussian"},
    Row<Of<64, tessera::GroupedVq<tessera::Codebook<22>, 2>>>{"quantizers", "grouped"},
    Row<Of<3, tessera::ResidualFsq<2, 3, 3, 3>>>{"quantizers", "residual-fsq"},
    Row<Of<3, tessera::BinaryResidual<3>>>{"quantizers", "binary-residual"},
};

template <std::size_t D, std::size_t K>
using Size = Row<Of<D, tessera::Codebook<K>>>;
template <std::size_t... L>
using Levels = Row<Of<sizeof...(L), tessera::Fsq<L...>>>;

/// Codebooks of 2^6 to 2^16 vectors of 4, 16 and 64 numbers; FSQ with about as many tokens (the paper's table 1).
inline constexpr std::tuple sweep{
    Size<4, 64>{"sweep", "codebook-64x4"},
    Size<16, 64>{"sweep", "codebook-64x16"},
    Size<64, 64>{"sweep", "codebook-64x64"},
    Size<4, 256>{"sweep", "codebook-256x4"},
    Size<16, 256>{"sweep", "codebook-256x16"},
    Size<64, 256>{"sweep", "codebook-256x64"},
    Size<4, 1024>{"sweep", "codebook-1024x4"},
    Size<16, 1024>{"sweep", "codebook-1024x16"},
    Size<64, 1024>{"sweep", "codebook-1024x64"},
    Size<4, 4096>{"sweep", "codebook-4096x4"},
    Size<16, 4096>{"sweep", "codebook-4096x16"},
    Size<64, 4096>{"sweep", "codebook-4096x64"},
    Size<4, 16384>{"sweep", "codebook-16384x4"},
    Size<16, 16384>{"sweep", "codebook-16384x16"},
    Size<64, 16384>{"sweep", "codebook-16384x64"},
    Size<4, 65536>{"sweep", "codebook-65536x4"},
    Size<16, 65536>{"sweep", "codebook-65536x16"},
    Size<64, 65536>{"sweep", "codebook-65536x64"},
    Levels<8, 8>{"sweep", "fsq-8.8"},
    Levels<8, 6, 5>{"sweep", "fsq-8.6.5"},
    Levels<8, 5, 5, 5>{"sweep", "fsq-8.5.5.5"},
    Levels<7, 5, 5, 5, 5>{"sweep", "fsq-7.5.5.5.5"},
    Levels<8, 8, 8, 6, 5>{"sweep", "fsq-8.8.8.6.5"},
    Levels<8, 8, 8, 5, 5, 5>{"sweep", "fsq-8.8.8.5.5.5"},
};

namespace detail {
template <class... R>
constexpr auto of_digits(const std::tuple<R...>& rows) {
    return std::apply(
        [](const auto&... row) {
            return std::tuple{Row<typename R::template For<digits::Preset::std>>{"quantizers", row.name}...};
        },
        rows);
}
}  // namespace detail

inline constexpr auto table = std::tuple_cat(detail::of_digits(digits::quantizer_table), only_here, sweep);
inline constexpr std::size_t row_count = std::tuple_size_v<std::remove_const_t<decltype(table)>>;
/// Rows that are trained with a prior; they are the first ones.
inline constexpr std::size_t with_prior = row_count - std::tuple_size_v<std::remove_const_t<decltype(sweep)>>;

template <std::size_t I>
using RowAt = std::tuple_element_t<I, std::remove_const_t<decltype(table)>>;

}  // namespace study
