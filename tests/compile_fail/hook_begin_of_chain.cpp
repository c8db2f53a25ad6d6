// expect: layer: begin: expected `static void begin\(Cache&, const nn::Pass&\)`
#include <tessera/nn/chain.hpp>
#include <tessera/nn/relu.hpp>

using namespace tessera;

// A user's net is a struct that derives from a Chain and is not part of another Chain.
struct Net : nn::Chain<Shape<3, 2>, nn::Relu> {
#ifdef FIXED
    static void begin(Cache&, const nn::Pass&) {}
#else
    static void begin(Cache&, nn::Pass&) {}
#endif
};
void begin(Net::Cache& cache) { nn::begin<Net>(cache, {}); }
