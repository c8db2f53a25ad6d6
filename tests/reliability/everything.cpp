// One translation unit that instantiates all of the library, as a host would compile it. no_global_state.sh inspects
// the symbols of its object file.

#include "run.hpp"

#include <tessera/data/image_folder.hpp>
#include <tessera/data/mnist.hpp>
#include <tessera/gpt/sample.hpp>
#include <tessera/image/decode_image.hpp>
#include <tessera/image/png.hpp>
#include <tessera/tessera.hpp>

#include <string>

namespace everything {

using namespace reliability;

std::string use(const std::string& folder) {
    TinyRun run;
    tessera::Checkpoints checkpoints{folder};
    if (auto last = checkpoints.newest()) run.load(last->file);
    run.run(TinyRun::steps, [&](std::uint64_t step) { checkpoints.save(step, run.collect()); });

    tessera::Rng rng{1};
    Vae vae{rng};
    Prior prior{rng};
    tessera::io::load(folder + "/model.safetensors", vae, prior);
    const auto tokens = tessera::sample(prior, 3, {.temperature = 0.9f, .top_k = 5, .top_p = 0.9}, rng);
    const auto images = vae.decode(tokens);
    const auto report = vae.evaluate(bars(10));
    return run.sha256() + std::to_string(images.batch()) + std::to_string(report.mse) +
           std::to_string(prior.evaluate(vae.encode(bars(10))));
}

}  // namespace everything
