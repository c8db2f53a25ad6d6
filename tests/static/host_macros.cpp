// Macros of a host: the library is included after macros with ordinary words that X11, Qt, Windows, Unreal, Apple, R
// and C define, and both stages are compiled. Third-party headers are included before the macros, as in such a host.
#include <Eigen/Dense>
#include <tbb/tbb.h>
#include <xsimd/xsimd.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <compare>
#include <concepts>
#include <condition_variable>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <exception>
#include <fcntl.h>
#include <filesystem>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <numbers>
#include <optional>
#include <ranges>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <tuple>
#include <type_traits>
#include <unistd.h>
#include <unordered_map>
#include <utility>
#include <vector>

// X11
#define None 0L
#define Bool int
#define Status int
#define True 1
#define False 0
#define Success 0
#define Always 2
#define Above 0
#define Below 1
#define Complex 0
#define Convex 2
#define Nonconvex 1
#define Unsorted 0
#define YSorted 1
#define CurrentTime 0L
#define GrayScale 1
#define StaticGray 0
#define Expose 12
#define FocusIn 9
#define KeyPress 2
#define CursorShape 0
#define ControlMask (1 << 2)
#define Opposite 4
#define LineSolid 0
#define Button1 1
#define DestroyAll 0
#define InputOnly 2
#define ParentRelative 1L
#define AllValues 0x000F
#define DefaultDepth(dpy, scr) 0
#define index(s, c) (strchr((s), (c)))
#define rindex(s, c) (strrchr((s), (c)))

// Qt
#define slots
#define signals public
#define emit
#define foreach(variable, container) for (variable : container)
#define forever for (;;)
#define SIGNAL(a) #a
#define SLOT(a) #a

// Windows
#define min(a, b) (((a) < (b)) ? (a) : (b))
#define max(a, b) (((a) > (b)) ? (a) : (b))
#define near
#define far
#define NEAR
#define FAR
#define small char
#define hyper __int64
#define interface struct
#define pascal
#define cdecl
#define CONST const
#define VOID void
#define IN
#define OUT
#define OPTIONAL
#define DELETE (0x00010000L)
#define ERROR 0
#define NO_ERROR 0L
#define STRICT 1
#define TEXT(quote) L##quote
#define TRUE 1
#define FALSE 0
#define IGNORE 0
#define INFINITE 0xFFFFFFFF
#define CALLBACK
#define THIS void
#define GetObject GetObjectW
#define CreateFile CreateFileW
#define DeleteFile DeleteFileW
#define LoadImage LoadImageW
#define SendMessage SendMessageW
#define GetMessage GetMessageW

// Unreal
#define check(expression)                                                                                              \
    do {                                                                                                               \
        if (!(expression)) __builtin_trap();                                                                           \
    } while (false)
#define checkf(expression, ...) check(expression)
#define verify(expression) check(expression)
#define ensure(expression) (!!(expression))
#define UPDATE 1
#define PI (3.1415926535897932f)

// Apple, AssertMacros.h, which defines `check` and `verify` too
#define check_compile_time(expression) __builtin_trap()
#define check_noerr(code) __builtin_trap()
#define check_noerr_string(code, message) __builtin_trap()
#define check_string(assertion, message) __builtin_trap()
#define debug_string(message) __builtin_trap()
#define ncheck(assertion) __builtin_trap()
#define ncheck_string(assertion, message) __builtin_trap()
#define nverify(assertion) __builtin_trap()
#define nverify_string(assertion, message) __builtin_trap()
#define verify_action(assertion, action) __builtin_trap()
#define verify_noerr(code) __builtin_trap()
#define verify_noerr_action(code, action) __builtin_trap()
#define verify_noerr_string(code, message) __builtin_trap()
#define verify_string(assertion, message) __builtin_trap()
#define require(assertion, label) goto label
#define require_action(assertion, label, action) goto label
#define require_action_quiet(assertion, label, action) goto label
#define require_action_string(assertion, label, action, message) goto label
#define require_noerr(code, label) goto label
#define require_noerr_action(code, label, action) goto label
#define require_noerr_action_quiet(code, label, action) goto label
#define require_noerr_action_string(code, label, action, message) goto label
#define require_noerr_quiet(code, label) goto label
#define require_noerr_string(code, label, message) goto label
#define require_quiet(assertion, label) goto label
#define require_string(assertion, label, message) goto label
#define nrequire(assertion, label) goto label
#define nrequire_action(assertion, label, action) goto label
#define nrequire_action_quiet(assertion, label, action) goto label
#define nrequire_action_string(assertion, label, action, message) goto label
#define nrequire_quiet(assertion, label) goto label
#define nrequire_string(assertion, label, message) goto label

// R
#define length(x) Rf_length(x)
#define error Rf_error
#define isNull Rf_isNull
#define allocVector Rf_allocVector
#define duplicate Rf_duplicate
#define eval Rf_eval
#define install Rf_install

// C: <stdnoreturn.h>, and the attributes of Linux, VPP and other systems
#define noreturn _Noreturn
#define always_inline inline __attribute__((always_inline))
#define noinline __attribute__((noinline))
#define aligned(x) __attribute__((aligned(x)))
#define may_alias __attribute__((may_alias))
#define vector_size(x) __attribute__((vector_size(x)))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define cold __attribute__((cold))
#define hot __attribute__((hot))
#define flatten __attribute__((flatten))

// Checkers of memory (stb_leakcheck.h) and ports of the C library (PostgreSQL): nothing is declared, so a call through
// one of these is an error
#define malloc(size) host_malloc(size, __FILE__, __LINE__)
#define calloc(count, size) host_calloc(count, size, __FILE__, __LINE__)
#define realloc(block, size) host_realloc(block, size, __FILE__, __LINE__)
#define free(block) host_free(block)
#define aligned_alloc(alignment, size) host_aligned_alloc(alignment, size)
#define printf host_printf
#define fprintf host_fprintf
#define sprintf host_sprintf
#define snprintf host_snprintf
#define vsnprintf host_vsnprintf
#define strerror host_strerror
#define abort() host_abort()
#define exit(code) host_exit(code)

#include <tessera/codec/likelihood.hpp>
#include <tessera/codec/token_codec.hpp>
#include <tessera/data/all_pixels.hpp>
#include <tessera/data/image.hpp>
#include <tessera/data/padded.hpp>
#include <tessera/data/read_ahead.hpp>
#include <tessera/gpt/complete_any_order.hpp>
#include <tessera/gpt/gpt2_names.hpp>
#include <tessera/gpt/likeliest_labels.hpp>
#include <tessera/gpt/sample_any_order.hpp>
#include <tessera/tessera.hpp>
#include <tessera/testing/layer_check.hpp>
#include <tessera/testing/loss_check.hpp>
#include <tessera/testing/quantizer_check.hpp>
#include <tessera/testing/smooth_quantizer.hpp>
#include <tessera/vq/binary_residual.hpp>
#include <tessera/vq/bit_entropy.hpp>
#include <tessera/vq/bsq.hpp>
#include <tessera/vq/codebook_options.hpp>
#include <tessera/vq/drop_levels.hpp>
#include <tessera/vq/gaussian_codebook.hpp>
#include <tessera/vq/gaussian_quant.hpp>
#include <tessera/vq/grouped_vq.hpp>
#include <tessera/vq/levels.hpp>
#include <tessera/vq/lfq.hpp>
#include <tessera/vq/mask_positions.hpp>
#include <tessera/vq/nearest_few.hpp>
#include <tessera/vq/pixel_bits.hpp>
#include <tessera/vq/policy/bridge.hpp>
#include <tessera/vq/policy/cosine.hpp>
#include <tessera/vq/policy/diveq.hpp>
#include <tessera/vq/policy/diversity.hpp>
#include <tessera/vq/policy/ema.hpp>
#include <tessera/vq/policy/euclidean.hpp>
#include <tessera/vq/policy/fixed.hpp>
#include <tessera/vq/policy/gradient.hpp>
#include <tessera/vq/policy/nearest.hpp>
#include <tessera/vq/policy/orthogonal.hpp>
#include <tessera/vq/policy/policies.hpp>
#include <tessera/vq/policy/rotation_trick.hpp>
#include <tessera/vq/policy/sim_vq.hpp>
#include <tessera/vq/policy/space_filling_diveq.hpp>
#include <tessera/vq/policy/straight_through.hpp>
#include <tessera/vq/policy/temperature_sampling.hpp>
#include <tessera/vq/projected.hpp>
#include <tessera/vq/residual_fsq.hpp>
#include <tessera/vq/residual_vq.hpp>
#include <tessera/vq/sign_tokens.hpp>

namespace ts = tessera;

namespace {

using ts::nn::Chain, ts::nn::Conv2d, ts::nn::ConvTranspose2d, ts::nn::Relu, ts::nn::Residual, ts::nn::Sigmoid;
struct Encoder : Chain<ts::Shape<8, 8, 1>, Conv2d<8, ts::nn::halve4>, Relu, Residual<Conv2d<8, ts::nn::keep3>>> {};
struct Decoder : Chain<Encoder::Output, ConvTranspose2d<1, ts::nn::double4>, Sigmoid> {};
using Vae = ts::VqVae<Encoder, ts::Codebook<16>, Decoder>;
using Prior = ts::Gpt<ts::GptConfig{.vocab = Vae::codes,
                                    .context = Vae::tokens,
                                    .width = 16,
                                    .heads = 2,
                                    .layers = 1,
                                    .classes = 10,
                                    .dropout_percent = 10}>;

}  // namespace

/// Both stages from a folder of images to a sheet of samples, as the README has them. Compiled only.
double train_both_stages(const char* folder) {
    const auto set = ts::data::load_image_folder<ts::Shape<8, 8, 1>>(folder);
    ts::Rng rng{1};
    Vae vae{rng};
    ts::Trainer first{vae, ts::AdamW{vae}, {.clip_norm = 1}};
    for (auto&& batch : ts::batches(set.train, 16, rng)) first.step(batch);
    const auto codes = vae.encode(set.train);

    Prior prior{rng};
    ts::Trainer second{prior, ts::AdamW{prior, {.lr = 1e-3}}};
    for (auto&& batch : ts::batches(codes, 16, rng)) second.step(batch);

    ts::Checkpoints checkpoints{folder};
    checkpoints.save(1, ts::io::SafetensorsWriter{});
    ts::io::save("prior.safetensors", prior);
    ts::io::load("prior.safetensors", prior);
    const auto drawn = ts::sample(prior, 4, {.top_k = 8, .top_p = 0.9}, rng);
    ts::image::write_png_grid("samples.png", vae.decode(drawn), 2);
    return vae.evaluate(set.test).mse + prior.evaluate(codes) +
           static_cast<double>(ts::data::load_mnist(folder).train.size()) +
           static_cast<double>(ts::nn::describe<Encoder>().size());
}
