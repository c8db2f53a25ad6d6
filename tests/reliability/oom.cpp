// oom: lets the N-th allocation fail, for N = 1, 2, ... until the work succeeds: reading, loading, saving, images,
// training steps. The result must be std::bad_alloc with all state unchanged; a step that is repeated ends with the
// bits of one that never failed.

#include "run.hpp"

#include <image/png_builder.hpp>

#include <tbb/task_arena.h>

#include <tessera/image/decode_image.hpp>
#include <tessera/image/encode_png.hpp>
#include <tessera/image/gzip.hpp>
#include <tessera/train/checkpoints.hpp>
#include <tessera/vq/gaussian_quant.hpp>
#include <tessera/vq/policy/cosine.hpp>
#include <tessera/vq/policy/gradient.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>
#include <utility>

// the allocator of glibc, under the names that it exports for this purpose; Eigen and stb call malloc, so operator new
// alone is not enough
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
}

namespace {
thread_local long fail_in = 0;  // 0: never
bool fails() {
    if (fail_in == 0 || --fail_in != 0) return false;
    errno = ENOMEM;
    return true;
}
}  // namespace

extern "C" {
void* malloc(std::size_t size) { return fails() ? nullptr : __libc_malloc(size); }
void* calloc(std::size_t count, std::size_t size) { return fails() ? nullptr : __libc_calloc(count, size); }
void* realloc(void* block, std::size_t size) { return fails() ? nullptr : __libc_realloc(block, size); }
void* aligned_alloc(std::size_t align, std::size_t size) { return fails() ? nullptr : __libc_memalign(align, size); }
int posix_memalign(void** out, std::size_t align, std::size_t size) {
    if (fails()) return ENOMEM;
    *out = __libc_memalign(align, size);
    return *out ? 0 : ENOMEM;
}
}

namespace {

using namespace reliability;
int wrong = 0;

/// Prints how many allocations failed: none means that malloc is not ours.
void tell(const char* name, long failures) {
    if (failures == 0) ++wrong;
    std::printf("%s %ld, ", name, failures);
}

/// The number of allocations of `work`: each of them fails in turn, and `as_before` must be true after each failure.
template <class Work, class Check>
void loop(const char* name, Work work, Check as_before) {
    long at = 1;
    for (;; ++at) {
        bool done = false;
        fail_in = at;
        try {
            work();
            done = true;
        } catch (const std::bad_alloc&) {
        } catch (const tessera::IoError& e) {  // a system call that needs memory
            fail_in = 0;
            wrong += e.reason() != ENOMEM;
        } catch (const std::exception& e) {
            fail_in = 0;
            std::fprintf(stderr, "%s, allocation %ld: %s\n", name, at, e.what());
            ++wrong;
        }
        const bool failed = fail_in == 0;
        fail_in = 0;
        if (done && !failed) break;
        if (!done && !as_before()) {
            std::fprintf(stderr, "%s, allocation %ld: something has changed\n", name, at);
            ++wrong;
        }
    }
    tell(name, at - 1);
}

/// Two steps of a new model, in which the allocation `at` fails (0: none). A step that fails changes nothing, and is
/// repeated. Returns the state, and whether a step failed.
template <class Model, class Data>
std::pair<ts::Bytes, bool> starved_steps(const char* name, const Data& data, long at) {
    ts::Rng rng{5};
    Model model{rng};
    ts::Trainer trainer{model, ts::AdamW{model}, {.clip_norm = 1, .reject_spikes = 10}};
    const auto state = [&] { return ts::io::collect(trainer).bytes(); };
    bool failed = false;
    for (auto&& batch : ts::batches(data, 50, {.rng = ts::Rng{11}})) {
        const ts::Bytes before = state();
        if (!failed) fail_in = at;
        try {
            trainer.step(batch);
            at = std::exchange(fail_in, 0);
        } catch (const std::bad_alloc&) {
            failed = true;
            if (state() != before) {
                std::fprintf(stderr, "%s: a step that failed has changed the state\n", name);
                ++wrong;
            }
            trainer.step(batch);
        }
    }
    return {state(), failed};
}
template <class Model, class Data>
void starve(const char* name, const Data& data) {
    const ts::Bytes usual = starved_steps<Model>(name, data, 0).first;
    long at = 1;
    for (;; ++at) {
        const auto [state, failed] = starved_steps<Model>(name, data, at);
        if (state != usual) {
            std::fprintf(stderr, "%s, allocation %ld: trained to other bits\n", name, at);
            ++wrong;
        }
        if (!failed) break;
    }
    tell(name, at - 1);
}

struct NarrowDecoder
    : nn::Chain<ts::Shape<4, 4, 4>, nn::Conv2d<16, nn::keep3>, nn::Relu, nn::ConvTranspose2d<1, nn::double4>> {};
using FixedVectors = ts::VqVae<Encoder, ts::GaussianQuant<16>, NarrowDecoder>;
using Directions = ts::VqVae<Encoder, ts::Codebook<16, ts::vq::Gradient, ts::vq::Cosine>, Decoder>;

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return std::fputs("usage: oom <folder>\n", stderr), 2;
    const std::string folder = argv[1];
    TinyRun saved, run;
    saved.run(7, [](std::uint64_t) {});
    const tessera::Bytes file = saved.collect().bytes();
    const std::string fresh = run.sha256();
    const auto always = [] { return true; };

    std::printf("allocations: ");
    loop(
        "parse",
        [&] {
            tessera::io::SafetensorsFile{file, "memory"}.verify_checksum();
        },
        always);
    tessera::io::SafetensorsFile opened{file, "memory"};
    loop(
        "load", [&] { run.load(opened); }, [&] { return run.sha256() == fresh; });

    tessera::Checkpoints checkpoints{folder};
    checkpoints.save(1, saved.collect());
    const std::string first = folder + "/step-000000000001.safetensors";
    const tessera::Bytes before = tessera::read_file(first, 1 << 24);
    loop(
        "save", [&] { checkpoints.save(2, saved.collect()); },
        [&] {
            std::size_t files = 0;
            for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator{folder}) ++files;
            return tessera::read_file(first, 1 << 24) == before && files <= 2;
        });

    const tessera::Bytes png = samples::png({.width = 40, .height = 30, .color = 2}), data = samples::squares(),
                         zipped = samples::gzip(samples::deflated_squares(), data);
    loop(
        "image", [&] { static_cast<void>(tessera::image::decode_image(png, 3, "memory")); }, always);
    const tessera::image::Pixels picture = tessera::image::decode_image(png, 3, "memory");
    loop(
        "write image", [&] { static_cast<void>(tessera::image::encode_png(picture)); }, always);
    tessera::Bytes out(data.size());
    loop(
        "gzip", [&] { tessera::image::gunzip(zipped, out, "memory"); }, always);
    const auto pictures = bars(100);
    const auto codes = saved.vae().encode(pictures);
    for (const int threads : {1, 2}) {  // allocations of this thread count; with two, TBB's are among them
        tbb::task_arena{threads}.execute([&] {
            starve<Vae>("steps of stage 1", pictures);
            starve<Prior>("steps of stage 2", codes);
        });
    }
    tbb::task_arena{1}.execute([&] {  // quantizers that keep something from step to step
        starve<FixedVectors>("steps with fixed vectors", pictures);
        starve<Directions>("steps with directions", pictures);
    });
    std::printf("%d wrong\n", wrong);
    return wrong != 0;
}
