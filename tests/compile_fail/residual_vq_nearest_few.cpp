// expect: quantizer: nearest_few: expected `static void nearest_few\(const Packed&, std::span<const T> z
#include <tessera/testing/smooth_quantizer.hpp>
#include <tessera/vq/residual_vq.hpp>

#include <span>

using namespace tessera;

// Without `scratch` it would not be called: a beam would be refused, as if the level had no such function.
template <class In, class T>
struct MyQuantizer : testing::SmoothQuantizer<In, T> {
    using Base = testing::SmoothQuantizer<In, T>;
    using typename Base::Packed;
#ifdef FIXED
    static void nearest_few(const Packed&, std::span<const T>, std::size_t, std::span<Token>, std::span<T>,
                            Buffer<T>&) {}
#else
    static void nearest_few(const Packed&, std::span<const T>, std::size_t, std::span<Token>, std::span<T>) {}
#endif
};
struct My {
    template <class In, class T>
    using Bind = MyQuantizer<In, T>;
};
using Residual = ResidualVq<My, 2>::Bind<Shape<3, 4>, float>;
std::size_t tokens() { return Residual::tokens; }
