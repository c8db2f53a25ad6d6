// expect: steps: per_token: the sharing columns or custom needs a forward_round, in one round
#include <tessera/nn/chain.hpp>

using namespace tessera;

template <class In, class T>
struct CopyLayer {
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Params = Empty;
    using Cache = Empty;
#ifdef FIXED
    static constexpr nn::Steps steps{.per_token = true};
#else
    static constexpr nn::Steps steps{.per_token = true, .sharing = nn::Sharing::columns};
#endif
    static void init(Params&, Rng&) {}
    static void forward(const Params&, View<const T, In>, View<T, In>, Cache&) {}
    static void backward(const Params&, View<const T, In>, View<const T, In>, View<const T, In>, View<T, In>, Cache&,
                         Params&) {}
};
struct Copy {
    template <class In, class T>
    using Bind = CopyLayer<In, T>;
};
using Net = nn::Chain<Shape<3, 2>, Copy>;
void step(const Net::Packed& w, View<const float, Shape<2>> x, View<float, Shape<2>> y, Net::State& state,
          Net::Scratch& scratch, nn::Step& at) {
    Net::step(w, x, y, state, scratch, at);
}
