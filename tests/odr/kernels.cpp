// One object of architectures.sh: the arithmetic of the library, which is what differs between instruction sets. FIRST
// selects the first of the two objects of a program.
#include <tessera/core/rng.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/kernel/elementwise.hpp>
#include <tessera/kernel/gemm/gemm.hpp>
#include <tessera/kernel/gemm/gemm_weight_gradient.hpp>
#include <tessera/kernel/softmax.hpp>

using namespace tessera;

static float run() {
    Tensor<float, Shape<5, 7>> x(3), y(3);
    Rng rng{7};
    for (float& value : x.span()) value = rng.normal();
    kernel::Panels<float> panels;
    panels.pack(7, 7, x.data(), 7, 1);
    kernel::gemm<float>(15, x.data(), 7, panels, y.data(), 7);
    kernel::gelu_with_derivative<float>(y.span(), y.span(), x.span());
    kernel::softmax<float>(y.span());
    Buffer<float> copies;
    kernel::gemm_weight_gradient<float>(15, 7, 7, x.data(), 7, x.data(), 7, y.data(), 7, copies);
    float sum = 0;
    for (float value : y.span()) sum += value;
    return sum;
}

#ifdef FIRST
float second();
int main() { return run() == second() ? 0 : 1; }
#else
float second();
float second() { return run(); }
#endif
