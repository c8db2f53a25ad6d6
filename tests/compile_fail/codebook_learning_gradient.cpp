// expect: Codebook: a member of the learning policy is missing or cannot be called.*add_gradient
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/policy/fixed.hpp>

using namespace tessera;
template <std::size_t K, std::size_t D, class T>
struct Vectors : vq::FixedVectors<K, D, T> {
#ifndef FIXED
    static constexpr bool by_gradient = true;
#endif
};
struct Mine {
    using category = vq::LearningPolicy;
    template <std::size_t K, std::size_t D, class T>
    using Of = Vectors<K, D, T>;
};
std::size_t size() { return Codebook<8, Mine>::Bind<Shape<2, 4>, float>::codes; }
