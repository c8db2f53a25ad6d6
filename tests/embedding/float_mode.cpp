// The host's floating-point mode and locale change neither numbers nor files.
#include <doctest/doctest.h>
#include <embedding/tiny_run.hpp>
#include <support/host.hpp>
#include <support/temporary_folder.hpp>
#include <tessera/gpt/sample.hpp>
#include <tessera/io/weights.hpp>

#include <cfenv>
#include <clocale>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <locale>
#include <span>
#include <string>
#include <utility>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

using namespace embedding;
using support::in_arena;

namespace {

struct HostMode {  // of this thread
    explicit HostMode(int rounding, bool flush) {
        std::fegetenv(&before_);
        std::fesetround(rounding);
#if defined(__SSE2__)
        if (flush) _mm_setcsr(_mm_getcsr() | 0x8040u);
#else
        (void)flush;
#endif
    }
    ~HostMode() { std::fesetenv(&before_); }
    HostMode(const HostMode&) = delete;
    HostMode& operator=(const HostMode&) = delete;

private:
    std::fenv_t before_;
};

// Everything that a program computes from a dataset: the run, its reports, its samples, its file.
std::pair<std::uint64_t, std::uint64_t> everything() {
    const support::TemporaryFolder folder;
    std::uint64_t hash = 1;
    const auto add = [&]<class T>(std::span<const T> x) { hash = support::hash_bits(x, hash); };
    const auto trained = [&](const Vae& vae, const Prior& prior) {
        const Pictures pictures{support::bars(100, 9)};
        const auto report = vae.evaluate(pictures);
        const double figures[]{report.mse,   report.psnr_db,          report.perplexity,
                               report.usage, report.quantization_mse, prior.evaluate(vae.encode(pictures))};
        add(std::span<const double>{figures});
        const auto tokens = vae.encode(pictures);
        const auto logits = prior.logits(tokens.view());
        add(std::span<const float>{logits.span()});
        Rng rng{3};
        const auto drawn = sample(prior, 10, {.temperature = 0.9f, .top_k = 5, .top_p = 0.8}, rng);
        add(drawn.view().span());
        const auto images = vae.decode(drawn);
        add(std::span<const float>{images.span()});
        io::save(folder / "weights", vae, prior);
        std::ifstream file{folder / "weights", std::ios::binary};
        const std::string bytes{std::istreambuf_iterator<char>{file}, {}};
        add(std::span<const char>{bytes});
    };
    const std::uint64_t run = tiny_run(trained).hash;
    return std::pair{run, hash};
}

struct German : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
};

}  // namespace

TEST_CASE("Host: the host's rounding and denormal modes change no bit, and are restored") {
    const auto usual = everything();
    for (const int rounding : {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO})
        for (const int threads : {1, 3}) {
            std::pair<std::uint64_t, std::uint64_t> got;
            int after = -1;
            {
                const HostMode mode{rounding, threads == 3};
                got = in_arena(threads, everything);
                after = std::fegetround();
            }
            CAPTURE(rounding);
            CAPTURE(threads);
            CHECK(got == usual);
            CHECK(after == rounding);
        }
}

TEST_CASE(
    "Host: a locale with decimal commas and thousands separators changes neither files nor numbers nor messages") {
    const auto message = [] {
        try {
            Rng rng{1};
            Gpt<prior_config> prior{rng};
            static_cast<void>(sample(prior, 1, {.temperature = -1234.5f}, rng));
        } catch (const ArgumentError& e) {
            return std::string{e.what()};
        }
        return std::string{};
    };
    const auto usual = everything();
    const std::string said = message();
    const std::locale before = std::locale::global(std::locale{std::locale::classic(), new German});
    const auto got = everything();
    const std::string got_said = message();
    std::locale::global(before);
    CHECK(got == usual);
    CHECK(got_said == said);
    for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"})
        if (std::setlocale(LC_ALL, name)) {
            const auto c_got = everything();
            std::setlocale(LC_ALL, "C");
            CHECK(c_got == usual);
            break;
        }
}
