#pragma once
// Summary: settings and totals of a run, besides its outcome; and the two texts that are made from both.

#include "options.hpp"
#include "outcome.hpp"

#include <tessera/files/bytes.hpp>

#include <string>
#include <vector>

namespace digits {

struct Summary {
    const Options& options;
    std::string version, simd;
    std::string data;  ///< "bundled digits"; empty: none was needed
    std::size_t train_images = 0, test_images = 0;
    double seconds_total = 0, peak_rss_mib = 0;
    std::string content{};                ///< of the data: classes with counts, what was changed
    std::vector<std::string> warnings{};  ///< what makes the run slow or pointless
};

std::string metrics_json(const Summary& summary, const Outcome& outcome);

struct Pngs {
    tessera::Bytes samples, reconstructions, codebook;
};
/// A self-contained page: styles, curves and pictures are inline.
std::string report_html(const Summary& summary, const Outcome& outcome, const Pngs& pngs);

}  // namespace digits
