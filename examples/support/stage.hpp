#pragma once
// What the loops of both stages share: random streams, curves, the order of batches, the learning rate.

#include "material.hpp"
#include "outcome.hpp"
#include "pictures.hpp"
#include "processes.hpp"
#include "recipe.hpp"

#include <tessera/data/batches.hpp>
#include <tessera/optim/schedule.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace digits {

namespace ts = tessera;

// Random streams of the seed: the numbers of one part do not depend on the others.
enum Stream : std::uint64_t { stream_data, stream_vae, stream_batches1, stream_prior, stream_batches2, stream_samples };

/// Averages several steps per point: a curve has about 300 points, however long the run is.
class Averager {
public:
    Averager(Curve& curve, Partial& next, std::size_t steps)
        : curve_{curve}, next_{next}, every_{std::max<std::size_t>(1, steps / 300)} {}

    void add(double epoch, double value) {
        next_.sum += value;
        if (++next_.count < every_) return;
        curve_.push_back({epoch, next_.sum / static_cast<double>(next_.count)});
        next_ = {};
    }

private:
    Curve& curve_;
    Partial& next_;
    std::size_t every_;
};

inline std::string epoch_of(std::size_t epoch, std::size_t epochs) {
    return "epoch " + std::to_string(epoch + 1) + '/' + std::to_string(epochs);
}

/// `count` evenly spaced images of a set.
inline Images spread(const Images& images, std::size_t count) {
    count = std::min(count, images.size());
    std::vector<std::size_t> chosen(count);
    for (std::size_t i = 0; i < count; ++i) chosen[i] = i * images.size() / count;
    return images.subset(chosen);
}

inline Picture floats(const Images& images) {
    Picture x{images.size()};
    for (std::size_t i = 0; i < images.size(); ++i) images.copy(i, x[i]);
    return x;
}

// Drops a small last batch, which would give a noisy step; the next epoch has another order.
inline std::size_t steps_of_epoch(std::size_t images, std::size_t batch) {
    return std::max<std::size_t>(1, images / batch);
}
/// Remaining steps; a run that is resumed with fewer epochs may be past its end.
inline double left(std::uint64_t steps, std::uint64_t done) {
    return steps > done ? static_cast<double>(steps - done) : 0;
}
inline ts::BatchOptions epoch_order(std::size_t images, std::size_t batch, const ts::Rng& rng, std::size_t first,
                                    const Processes& processes) {
    return {.shuffle = true,
            .drop_last = images >= batch,
            .rng = rng,
            .first = first,
            .rank = processes.rank(),
            .ranks = processes.size()};
}

inline ts::WarmupCosine schedule(const Recipe::Stage& stage, std::size_t steps) {
    return {.lr = stage.lr,
            .min_lr = stage.lr_end,
            .warmup = static_cast<std::size_t>(stage.warmup * static_cast<double>(steps)),
            .steps = steps};
}

}  // namespace digits
