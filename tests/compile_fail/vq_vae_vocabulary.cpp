// expect: VqVae: a vocabulary of at most 2\^24 tokens, because reports count each of them
#include <tessera/nn/chain.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/vq/lfq.hpp>
#include <tessera/vq/vq_vae.hpp>

using namespace tessera;
#ifdef FIXED
constexpr std::size_t bits = 20;
#else
constexpr std::size_t bits = 25;
#endif
struct Encoder : nn::Chain<Shape<3>, nn::Linear<bits>> {};
struct Decoder : nn::Chain<Shape<bits>, nn::Linear<3>> {};
std::size_t size() { return VqVae<Encoder, Lfq<bits>, Decoder>::codes; }
