// expect: steps: per_token: the weights must have one type for any number of tokens: Params outside of the layer
#include <tessera/nn/chain.hpp>

using namespace tessera;

template <std::size_t Width, class T>
struct ScaleParams {
    Param<T, Shape<Width>> weight;
    template <class F, class... P>
    static void each(F&& f, P&... p) {
        f("weight", p.weight...);
    }
};
template <class In, class T>
struct ScaleLayer {
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Cache = Empty;
#ifdef FIXED
    using Params = ScaleParams<last_dim<In>, T>;
#else
    struct Params : ScaleParams<last_dim<In>, T> {};  // of ScaleLayer<In, T>: another one for each In
#endif
    static constexpr nn::Steps steps{.per_token = true};
    static void init(Params&, Rng&) {}
    static void forward(const Params&, View<const T, In>, View<T, In>, Cache&) {}
    static void backward(const Params&, View<const T, In>, View<const T, In>, View<const T, In>, View<T, In>, Cache&,
                         Params&) {}
};
struct Scale {
    template <class In, class T>
    using Bind = ScaleLayer<In, T>;
};
using Net = nn::Chain<Shape<3, 2>, Scale>;
void step(const Net::Packed& w, View<const float, Shape<2>> x, View<float, Shape<2>> y, Net::State& state,
          Net::Scratch& scratch, nn::Step& at) {
    Net::step(w, x, y, state, scratch, at);
}
