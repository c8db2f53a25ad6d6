// 7. Sampling: the prior draws tokens, the decoder turns them into images.
//
//     07_sample [folder, not used] [--small]
//
// Reads the files of examples 5 and 6 and writes samples.png: row c shows the digit c.

#include "support/course_nets.hpp"

#include <tessera/data/image.hpp>
#include <tessera/gpt/sample.hpp>
#include <tessera/io/weights.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <vector>

namespace ts = tessera;

int run(const course::Arguments& arguments) {
    ts::Rng rng{42};
    course::Vae vae{rng};
    course::Prior prior{rng};
    ts::io::load("vq_vae.safetensors", vae);
    ts::io::load("prior.safetensors", prior);

    // One label per sample. Without labels the samples are unconditional.
    const std::size_t columns = arguments.small ? 4 : 20;
    std::vector<ts::Label> labels;
    for (unsigned c = 0; c < 10; ++c) labels.insert(labels.end(), columns, ts::Label{c});

    const auto start = std::chrono::steady_clock::now();
    const auto tokens = ts::sample(prior, labels.size(), {.temperature = 0.9f, .top_p = 0.95, .labels = labels}, rng);
    const auto images = vae.decode(tokens);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

    // One image at a time, as in a server: vae.decode packs the weights at each call, a frozen model packs them once.
    const auto frozen = vae.freeze();
    course::Vae::Frozen::Workspace workspace;  // reused: no allocation from the second image on
    ts::Tensor<float, course::Encoder::Input> image{1};
    bool alike = true;
    for (std::size_t n = 0; n < images.batch(); n += columns) {
        frozen.decode(tokens.view().slice(n, 1), image, workspace);
        alike = alike && std::ranges::equal(image[0], images[n]);
    }
    std::printf("decoded one by one: %s\n", alike ? "the same bits" : "different bits");

    ts::image::write_png_grid("samples.png", images, columns);
    std::printf("%zu digits in %.2f s; wrote samples.png\n", images.batch(), seconds);

    // A lower temperature and top-k keep the most probable tokens only, and so give more typical digits. Sample n draws
    // from its own random stream, so the same generator gives the same digits, however many are drawn together.
    ts::Rng again{1}, once_more{1};
    const std::vector<ts::Label> seven{ts::Label{7}};
    const ts::SampleOptions cold{.temperature = 0.5f, .top_k = 16, .labels = seven};
    const auto one = ts::sample(prior, 1, cold, again), same = ts::sample(prior, 1, cold, once_more);
    bool equal = true;
    for (std::size_t i = 0; i < course::Vae::tokens; ++i) equal = equal && one[0][i] == same[0][i];
    std::printf("the same seed gives %s seven\n", equal ? "the same" : "another");
    return equal && alike ? 0 : 1;
}

int main(int argc, char** argv) {
    try {
        return run({argc, argv});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "07_sample: %s\n", error.what());
        return 1;
    }
}
