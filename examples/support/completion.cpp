#include "completion.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace digits {

void plan_completion(const Job& job, std::vector<tessera::Token> tokens, Draw& draw, Outcome& outcome) {
    const std::size_t pictures = job.options.complete.size(), repeats = job.options.samples;
    const std::size_t context = tokens.size() / pictures;
    Completion& completion = draw.completion;
    completion.known = job.unknown.value().known(context);
    completion.repeats = repeats;
    completion.names = job.options.complete;
    for (std::size_t n = 0; n < pictures; ++n)
        for (std::size_t i = 0; i < repeats; ++i)
            completion.tokens.insert(completion.tokens.end(), tokens.begin() + static_cast<std::ptrdiff_t>(n * context),
                                     tokens.begin() + static_cast<std::ptrdiff_t>((n + 1) * context));
    draw.sampling.count = pictures * repeats;
    const auto unknown = std::ranges::count_if(completion.known, [](Known one) { return one != Known::all; });
    draw.sampling.passes = std::min(draw.sampling.passes, static_cast<std::size_t>(unknown));
    draw.labels.clear();
    if (job.label)
        draw.labels.assign(draw.sampling.count, tessera::Label{static_cast<std::uint32_t>(*job.label)});
    else
        completion.class_names = outcome.class_names;
    outcome.sample_rows.assign(pictures, 1 + repeats);
    outcome.sample_row_names.clear();
}

void show_completions(const Picture& pictures, const UnknownPart& unknown, Outcome& outcome) {
    const std::size_t repeats = outcome.samples.batch() / pictures.batch();
    Picture shown{pictures.batch() + outcome.samples.batch()};
    std::size_t to = 0;
    for (std::size_t n = 0; n < pictures.batch(); ++n) {
        std::ranges::copy(pictures[n], shown[to].begin());
        unknown.mark(shown[to++]);
        for (std::size_t i = 0; i < repeats; ++i)
            std::ranges::copy(outcome.samples[n * repeats + i], shown[to++].begin());
    }
    outcome.samples = std::move(shown);
}

}  // namespace digits
