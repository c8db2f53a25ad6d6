#include "prior.hpp"

#include <algorithm>

namespace digits {

Draw plan_samples(const Job& job, std::size_t vocab, Outcome& outcome) {
    const std::size_t count = job.options.samples, classes = outcome.class_names.size();
    outcome.sample_rows = row_lengths(count, classes == 0 ? 10 : classes);
    Draw draw;
    for (std::size_t r = 0; r < outcome.sample_rows.size() && classes != 0; ++r) {
        const std::size_t shown = job.options.label.value_or(r);
        draw.labels.insert(draw.labels.end(), outcome.sample_rows[r],
                           tessera::Label{static_cast<std::uint32_t>(shown)});
        outcome.sample_row_names.push_back(outcome.class_names[shown]);
    }
    draw.sampling.count = count;
    draw.sampling.temperature = job.temperature();
    draw.sampling.top_k = std::min(job.top_k(), vocab);
    draw.sampling.top_p = job.top_p();
    return draw;
}

}  // namespace digits
