// expect: mask_positions: expected a quantizer with the same tokens for each position
#include <tessera/core/tensor.hpp>
#include <tessera/vq/mask_positions.hpp>

using namespace tessera;

// One token for a whole sample of two positions.
struct OfSample {
    using Scalar = float;
    using Input = Shape<2, 3>;
    using Output = Input;
#ifdef FIXED
    static constexpr std::size_t tokens = 4;
#else
    static constexpr std::size_t tokens = 1;
#endif
    static constexpr std::size_t codes = 8;
    using Params = Empty;
    using Buffers = Empty;
    struct Options {};
    struct Packed {};
    struct Cache {};
    using Tokens = Shape<tokens>;
    static void init(Params&, Buffers&, Rng&) {}
    static void pack(const Params&, const Buffers&, const Options&, Packed&) {}
    static void forward(const Packed&, const nn::Pass&, View<const float, Input>, View<Token, Tokens>,
                        View<float, Output>, Cache&) {}
    static void lookup(const Packed&, View<const Token, Tokens>, View<float, Output>, Cache&) {}
    static void backward(const Packed&, View<const float, Input>, View<const Token, Tokens>, View<const float, Output>,
                         View<const float, Output>, View<float, Input>, Cache&, Params&) {}
};

void mask(std::span<const bool> counts, View<Token, OfSample::Tokens> tokens, View<float, OfSample::Output> q) {
    vq::mask_positions<OfSample>(counts, tokens, q);
}
