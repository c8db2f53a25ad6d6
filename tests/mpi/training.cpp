// mpirun -np <n> training: both stages, trained by all processes, end with the bits of a single process. An EMA
// codebook with k-means and revival, and Fsq; a prior with dropout. Prints the hashes, which are the same for any n,
// for OpenMPI and for MPICH.

#include <tessera/data/batches.hpp>
#include <tessera/dist/mpi.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/fsq.hpp>

#include <support/bits.hpp>
#include <support/tiny_gpt.hpp>
#include <support/tiny_vae.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

using namespace tessera;

namespace {

struct Result {
    std::uint64_t vae = 0, prior = 0;
    std::size_t revived = 0;
    bool operator==(const Result&) const = default;
};

template <class Vae>
std::size_t in_grace([[maybe_unused]] const Vae& vae) {
    std::size_t count = 0;
    if constexpr (requires { vae.buffers().book; })
        for (const float steps : vae.buffers().book.grace.span()) count += steps > 0;
    return count;
}

// Batches of 64, the last one of an epoch of 24: two processes share 32 + 32 and 16 + 8.
template <class Spec, class Comm>
Result train(Comm& communicator, const typename Spec::Options& options) {
    using Vae = typename Spec::Vae;
    using Prior = Gpt<GptConfig{
        .vocab = Vae::codes, .context = Vae::tokens, .width = 16, .heads = 2, .layers = 2, .dropout_percent = 10}>;
    Rng rng{42};
    Result result;
    const auto images = support::bars(152, 3);
    const auto batches_of = [&](const auto& data, std::uint64_t epoch) {
        return data::batches(data, 64,
                             {.rng = Rng{5}.split(epoch), .rank = communicator.rank(), .ranks = communicator.size()});
    };

    Vae vae{rng, options};
    Trainer stage1{vae, AdamW{vae, {.lr = 5e-3}}, {.clip_norm = 1}, communicator};
    for (std::uint64_t epoch = 0; epoch < 4; ++epoch)
        for (auto&& batch : batches_of(images, epoch)) {
            stage1.step(batch);
            result.revived += in_grace(vae);
        }
    result.vae = support::hash_state(vae);

    const auto tokens = vae.encode(images);
    Prior prior{rng};
    Trainer stage2{prior, AdamW{prior, {.lr = 5e-3}}, {.accumulate = 2}, communicator};
    for (std::uint64_t epoch = 0; epoch < 2; ++epoch)
        for (auto&& batch : batches_of(tokens, epoch)) stage2.step(batch);
    result.prior = support::hash_state(prior);
    return result;
}

// The example of README.md.
void as_in_readme(support::TinyVae<float>& vae, const data::Images<support::TinyImage>& digits, Rng& rng) {
    namespace ts = tessera;
    // [mpi]
    ts::dist::Mpi mpi;  // <tessera/dist/mpi.hpp>, target tessera::mpi
    ts::Trainer trainer{vae, ts::AdamW{vae, {.lr = 1e-3}}, {}, mpi};
    for (auto&& batch : ts::batches(digits, 128, {.rng = rng.fork(), .rank = mpi.rank(), .ranks = mpi.size()}))
        trainer.step(batch);  // reports are of the whole batch
    // [/mpi]
}

struct Ema {
    using Vae = support::TinyVae<float, 32>;
    using Options = CodebookOptions;
};
struct Finite {
    using Vae = VqVae<support::TinyEncoder<float>, Fsq<4, 3, 3, 5>, support::TinyDecoder<float>>;
    using Options = Vae::Options;
};

template <class Spec>
std::string compare(dist::Mpi& mpi, const char* what, const typename Spec::Options& options, bool revives) {
    const Result together = train<Spec>(mpi, options);
    dist::Self self;
    const Result alone = train<Spec>(self, options);
    if (mpi.rank() == 0)
        std::printf("%s: vq-vae %016llx, prior %016llx\n", what, static_cast<unsigned long long>(together.vae),
                    static_cast<unsigned long long>(together.prior));
    if (revives && alone.revived == 0) return std::string{what} + ": no vector was revived: the test shows nothing";
    if (together == alone) return {};
    return std::string{what} + ": " + std::to_string(mpi.size()) + " processes end in other bits than one";
}

}  // namespace

int main() {
    dist::Mpi mpi;
    const auto tell = [](const std::string& message) { std::fprintf(stderr, "%s\n", message.c_str()); };
    return mpi.run(
        [&] {
            std::string wrong =
                compare<Ema>(mpi, "codebook", {.ema = {.decay = 0.5}, .revive = {.below = 0.8, .grace = 1}}, true);
            if (wrong.empty()) wrong = compare<Finite>(mpi, "fsq", {}, false);
            Rng rng{1};
            support::TinyVae<float> vae{rng};
            as_in_readme(vae, support::bars(140, 1), rng);
            if (!wrong.empty()) tell(wrong);
            return wrong.empty() ? 0 : 1;
        },
        tell);
}
