#include "proportion.hpp"

#include "system.hpp"
#include "text.hpp"

#include <algorithm>
#include <utility>

namespace digits {

namespace {

std::vector<std::size_t> counts(const Images& images, std::size_t classes) {
    std::vector<std::size_t> count(classes);
    for (const tessera::Label label : images.labels()) ++count[label.index];
    return count;
}

}  // namespace

std::string describe_data(const Material& material) {
    const std::vector<std::string> names = material.class_names();
    std::string text;
    if (names.empty()) {
        text = "no classes";
    } else {
        const auto count = counts(material.train, names.size());
        text = grouped(names.size()) + (names.size() == 1 ? " class: " : " classes: ");
        constexpr std::size_t most = 10;
        for (std::size_t c = 0; c < names.size() && c < most; ++c)
            text += (c ? ", " : "") + names[c] + " (" + grouped(count[c]) + ')';
        if (names.size() > most) {
            const auto [least, greatest] = std::ranges::minmax(count);
            text += ", ..., from " + grouped(least) + " to " + grouped(greatest) + " images";
        }
    }
    return material.fit.empty() ? text : text + "; " + material.fit;
}

// FAISS warns below 39 vectors for each centroid of a k-means, and so many are what a codebook vector needs to be the
// mean of something.
std::string too_few_images(std::size_t images, std::size_t codes) {
    constexpr std::size_t vectors_per_code = 39;
    const std::size_t enough = (codes * vectors_per_code + vectors_per_image - 1) / vectors_per_image;
    if (images >= enough) return {};
    return "too few images: " + grouped(images) + " for training give " + grouped(images * vectors_per_image) +
           " vectors for a vocabulary of " + grouped(codes) +
           " tokens; expect memorised images and unused tokens below " + grouped(enough) + " images";
}

std::vector<std::string> warnings(const Options& options, const Recipe& recipe, const Material& material) {
    std::vector<std::string> lines;
    if (const std::size_t cores = usable_cores(); options.threads > cores)
        lines.push_back("--threads " + grouped(options.threads) + ": there " + (cores == 1 ? "is " : "are ") +
                        grouped(cores) + (cores == 1 ? " core" : " cores") +
                        ": more threads are slower and take more memory, and change nothing else");
    if (recipe.vqvae.lr == 0) lines.push_back("--lr-vqvae 0: the weights of stage 1 stay as they are initialised");
    if (recipe.prior.lr == 0) lines.push_back("--lr-prior 0: the weights of stage 2 stay as they are initialised");
    if (material.train.labelled()) {
        const std::vector<std::string> names = material.class_names();
        const auto count = counts(material.train, names.size());
        std::string empty;
        for (std::size_t c = 0; c < names.size(); ++c)
            if (count[c] == 0) empty += (empty.empty() ? "" : ", ") + names[c];
        if (!empty.empty()) lines.push_back("no training image of " + empty + ": samples of it will be noise");
    }
    return lines;
}

}  // namespace digits
