// expect: constraints not satisfied
// expect: Samples
#include <tessera/gpt/complete.hpp>

using Prior = tessera::Gpt<tessera::GptConfig{.vocab = 8, .context = 4, .width = 8, .heads = 2, .layers = 1}>;
struct Wrapper {
    static constexpr std::size_t context = Prior::context;
    using Frozen = Prior::Frozen;
    const Prior& prior;
    Frozen freeze() const { return prior.freeze(); }
#ifdef FIXED
    template <class F>
    decltype(auto) with_frozen(F&& f) const {
        return prior.with_frozen(f);
    }
#endif
};
std::size_t count(const Prior& prior, tessera::View<const tessera::Token, tessera::Shape<4>> known, tessera::Rng& rng) {
    return tessera::complete(Wrapper{prior}, known, {}, rng).size();
}
