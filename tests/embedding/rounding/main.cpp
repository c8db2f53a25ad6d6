// A mean that the library computes while the host rounds down, up or towards zero; exits with 0 when it is that of the
// default mode. With a guard instead of the call, g++ 12 at -O1 and -O2 divides after the guard, in the host's mode.
#include <tessera/core/fp_environment.hpp>

#include <cfenv>
#include <cstdio>
#include <vector>

#if defined(__GNUC__)
[[gnu::noinline]]
#endif
static double
mean(const std::vector<double>& losses, double count) {
    return tessera::with_fp_environment([&] {
        double sum = 0;
        for (const double loss : losses) sum += loss;
        return sum / count;
    });
}

int main() {
    const std::vector<double> losses(10, 0.1);
    const double usual = mean(losses, 30);
    int wrong = 0;
    for (const int mode : {FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO}) {
        std::fesetround(mode);
        const double got = mean(losses, 30);
        std::fesetround(FE_TONEAREST);
        if (got == usual) continue;
        ++wrong;
        std::printf("rounding %d: expected %a, got %a\n", mode, usual, got);
    }
    return wrong;
}
