#include "prior.hpp"

#include <tessera/core/error.hpp>
#include <tessera/files/utf8.hpp>

#include <algorithm>
#include <charconv>
#include <string>
#include <system_error>

namespace digits {

Draw plan_samples(const Job& job, PriorSize size, Outcome& outcome) {
    const std::size_t count = job.options.samples, classes = outcome.class_names.size();
    outcome.sample_rows = row_lengths(count, classes == 0 ? 10 : classes);
    Draw draw;
    for (std::size_t r = 0; r < outcome.sample_rows.size() && classes != 0; ++r) {
        const std::size_t shown = job.label.value_or(r);
        draw.labels.insert(draw.labels.end(), outcome.sample_rows[r],
                           tessera::Label{static_cast<std::uint32_t>(shown)});
        outcome.sample_row_names.push_back(outcome.class_names[shown]);
    }
    draw.sampling.count = count;
    draw.sampling.temperature = job.temperature();
    draw.sampling.top_k = std::min(job.top_k(), size.vocab);
    draw.sampling.top_p = job.top_p();
    draw.sampling.min_p = job.min_p();
    draw.sampling.guidance = job.guidance();
    draw.sampling.label = job.label;
    if (job.order == Order::any) draw.sampling.passes = std::min(job.passes(), size.context);
    return draw;
}

double label_dropout_of(const tessera::io::SafetensorsFile& file, Order order) {
    const std::string key = order == Order::any ? "tessera.any_order_gpt.label_dropout" : "tessera.gpt.label_dropout";
    const std::string text = file.metadata(key).value_or("0");
    double share = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), share);
    if (error != std::errc{} || stop != text.data() + text.size() || !(share >= 0 && share <= 1))
        throw tessera::FormatError(tessera::FormatCode::mismatch,
                                   file.name() + ": " + key + ": " +
                                       tessera::expected_got("a number in [0, 1]", tessera::io::printable(text)));
    return share;
}

}  // namespace digits
