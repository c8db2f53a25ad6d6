#pragma once
// CodebookOptions: the numbers that a host chooses for a Codebook.
//
// One type for all policies (vq/policy/policies.hpp). An option that no policy of the codebook reads must have its
// default value: Codebook::check_options refuses another one. An option that matters only with another one (revive.rate
// with revive.least_recently_used) is not refused.

#include <tessera/vq/ema.hpp>
#include <tessera/vq/revive.hpp>

#include <cstddef>
#include <optional>

namespace tessera::inline TESSERA_ABI {

/// The softmax temperature of vq::TemperatureSampling: from `start` to `end` along half a cosine over `steps` updates.
struct SamplingOptions {
    double start = 1;  ///< in units of the squared distance
    double end = 0.0625;
    std::size_t steps = 10'000;  ///< updates

    bool operator==(const SamplingOptions&) const = default;
};

/// The entropy term of vq::Diversity.
struct DiversityOptions {
    float weight = 0.1f;
    double temperature = 1;  ///< of the soft assignment, in units of the squared distance
    double decay = 0.9;      ///< of the moving average of the assignments

    bool operator==(const DiversityOptions&) const = default;
};

struct CodebookOptions {
    /// beta of arXiv:1711.00937, eq. 3. Without a value: 0.25 where the vectors are moving averages or fixed, and 0.02
    /// where they have a gradient (vq/policy/gradient.hpp says why)
    std::optional<float> commitment{};
    EmaOptions ema{};  ///< of the vectors with vq::Ema, of the counts with all that revive
    ReviveOptions revive{};
    bool kmeans = true;    ///< initialise the vectors from the first batch
    bool freeze = false;   ///< the moving averages change nothing; vq::Ema only. Not compared when a run is resumed
    float codebook = 1;    ///< weight of the codebook term, where the vectors have a gradient
    float orthogonal = 1;  ///< weight of vq::Orthogonal
    DiversityOptions diversity{};
    SamplingOptions sampling{};
    double noise = 1e-3;  ///< standard deviation of the direction's noise in vq::DiVeQ and vq::SpaceFillingDiVeQ
};

}  // namespace tessera
