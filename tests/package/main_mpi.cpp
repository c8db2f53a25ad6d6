// A user's program that links tessera::mpi, run without mpirun: a job of one process.
#include <tessera/dist/mpi.hpp>
#include <tessera/dist/sum_tree.hpp>
#include <tessera/version.hpp>

#include <array>
#include <cstdio>

int main() {
    tessera::dist::Mpi mpi;
    tessera::dist::Message message;
    std::array<double, 1> sum{1};
    tessera::dist::sum_tree(mpi, message, sum);
    std::printf("tessera %d.%d.%d, sum over %zu processes %.0f\n", TESSERA_VERSION_MAJOR, TESSERA_VERSION_MINOR,
                TESSERA_VERSION_PATCH, mpi.size(), sum[0]);
    return mpi.size() == 1 && sum[0] == 1 ? 0 : 1;
}
