// mpirun -np 2 fails run|unwind|uncaught: rank 1 throws while rank 0 waits for it. The job must end; see
// fails.sh.

#include <tessera/dist/mpi.hpp>
#include <tessera/dist/sum_tree.hpp>

#include <array>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

using namespace tessera;

namespace {

int train(dist::Mpi& mpi) {
    dist::Message message;
    std::array<double, 2> sum{1, 2};
    dist::sum_tree(mpi, message, sum);
    if (mpi.rank() == 1) throw std::runtime_error("cannot read tiles.bin");
    dist::sum_tree(mpi, message, sum);
    return 0;
}

}  // namespace

int main(int, char** argv) {
    const std::string_view how = argv[1];
    if (how == "run") {
        dist::Mpi mpi;
        return mpi.run([&] { return train(mpi); },
                       [](const std::string& message) { std::fprintf(stderr, "%s\n", message.c_str()); }, 3);
    }
    if (how == "uncaught") {
        dist::Mpi mpi;
        return train(mpi);
    }
    try {
        dist::Mpi mpi;
        return train(mpi);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 3;
    }
}
