#include "completion.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace digits {

namespace {

constexpr std::size_t rows = Image::dims[0], width = Image::dims[1] * Image::dims[2], known_rows = rows / 2;
constexpr std::size_t token_rows = 7, pixels_of_token = rows / token_rows;

}  // namespace

Picture upper_halves(Picture pictures) {
    for (std::size_t n = 0; n < pictures.batch(); ++n)
        for (std::size_t row = known_rows; row < rows; ++row)
            std::ranges::copy(pictures[n].subspan((known_rows - 1) * width, width),
                              pictures[n].subspan(row * width, width).begin());
    return pictures;
}

void plan_completion(const Job& job, std::vector<tessera::Token> tokens, Draw& draw, Outcome& outcome) {
    const std::size_t pictures = job.options.complete.size(), repeats = job.options.samples;
    const std::size_t context = tokens.size() / pictures;
    Completion& completion = draw.completion;
    completion.known = context / token_rows * (known_rows / pixels_of_token);
    completion.half_known = known_rows % pixels_of_token == 0 ? 0 : context / token_rows;
    completion.repeats = repeats;
    completion.names = job.options.complete;
    for (std::size_t n = 0; n < pictures; ++n)
        for (std::size_t i = 0; i < repeats; ++i)
            completion.tokens.insert(completion.tokens.end(), tokens.begin() + static_cast<std::ptrdiff_t>(n * context),
                                     tokens.begin() + static_cast<std::ptrdiff_t>((n + 1) * context));
    draw.sampling.count = pictures * repeats;
    draw.labels.clear();
    if (job.options.label)
        draw.labels.assign(draw.sampling.count, tessera::Label{static_cast<std::uint32_t>(*job.options.label)});
    else
        completion.class_names = outcome.class_names;
    outcome.sample_rows.assign(pictures, 1 + repeats);
    outcome.sample_row_names.clear();
}

void show_completions(const Picture& halves, Outcome& outcome) {
    constexpr float gray = 0.35f;
    const std::size_t repeats = outcome.samples.batch() / halves.batch();
    Picture shown{halves.batch() + outcome.samples.batch()};
    std::size_t to = 0;
    for (std::size_t n = 0; n < halves.batch(); ++n) {
        std::ranges::copy(halves[n], shown[to].begin());
        std::ranges::fill(shown[to++].subspan(known_rows * width), gray);
        for (std::size_t i = 0; i < repeats; ++i)
            std::ranges::copy(outcome.samples[n * repeats + i], shown[to++].begin());
    }
    outcome.samples = std::move(shown);
}

}  // namespace digits
