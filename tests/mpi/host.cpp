// mpirun -np <n> host [single]: the library in a program that uses MPI itself, and divides its processes.

#include <tessera/dist/mpi.hpp>
#include <tessera/dist/sum_tree.hpp>

#include <support/message.hpp>

#include <array>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

using namespace tessera;
using support::message;

namespace {

int failures = 0;
void expect(bool right, const std::string& what) {
    if (right) return;
    std::fprintf(stderr, "wrong: %s\n", what.c_str());
    ++failures;
}
void expect(const std::string& got, const std::string& expected) {
    expect(got == expected, "expected \"" + expected + "\", got \"" + got + "\"");
}

// Processes of even and of odd rank are two independent runs.
void two_runs(int rank, int size) {
    MPI_Comm half = MPI_COMM_NULL;
    MPI_Comm_split(MPI_COMM_WORLD, rank % 2, rank, &half);
    {
        dist::Mpi mpi{half};
        dist::Mpi moved = std::move(mpi);
        dist::Message message;
        std::array<double, 1> sum{static_cast<double>(rank)};
        dist::sum_tree(moved, message, sum);
        double expected = 0;
        for (int r = rank % 2; r < size; r += 2) expected += r;
        expect(sum[0] == expected, "sum of a half: " + std::to_string(sum[0]));
    }
    MPI_Comm_free(&half);
}

// A receive of the host does not get a message of the library with the same source and length.
void messages_do_not_meet(int rank, int size) {
    if (size < 2 || rank > 1) return;
    std::array<std::byte, 4> bytes{};
    dist::Mpi mpi{MPI_COMM_WORLD};
    if (rank == 0) {
        bytes.fill(std::byte{1});
        MPI_Request request;
        MPI_Isend(bytes.data(), 4, MPI_BYTE, 1, 0, MPI_COMM_WORLD, &request);
        std::array<std::byte, 4> ours{std::byte{2}, std::byte{2}, std::byte{2}, std::byte{2}};
        mpi.send(ours, 1);
        MPI_Wait(&request, MPI_STATUS_IGNORE);
    } else {
        mpi.receive(bytes, 0);
        expect(bytes[0] == std::byte{2}, "the library got a message of the host");
        MPI_Recv(bytes.data(), 4, MPI_BYTE, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        expect(bytes[0] == std::byte{1}, "the host got a message of the library");
    }
}

}  // namespace

int main(int argc, char** argv) {
    const bool single = argc > 1 && std::string_view{argv[1]} == "single";
    int level = -1, rank = 0, size = 0, flag = 0;
    MPI_Init_thread(&argc, &argv, single ? MPI_THREAD_SINGLE : MPI_THREAD_FUNNELED, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (single) {
        if (level != MPI_THREAD_SINGLE)
            return MPI_Finalize(), 77;  // this MPI provides more than was requested: skipped
        expect(message<StateError>([] { dist::Mpi mpi; }),
               "dist::Mpi: MPI was initialised with MPI_THREAD_SINGLE: expected MPI_THREAD_FUNNELED or more "
               "(MPI_Init_thread)");
    } else {
        two_runs(rank, size);
        if (size == 2) messages_do_not_meet(rank, size);
        expect(message<ArgumentError>([] { dist::Mpi mpi{MPI_COMM_NULL}; }),
               "dist::Mpi: expected a communicator, got MPI_COMM_NULL");
        dist::Mpi mpi;
        std::thread{[&] {
            std::array<std::byte, 1> byte{};
            expect(message<StateError>([&] { mpi.broadcast(byte, 0); }),
                   level > MPI_THREAD_FUNNELED  // this MPI provides more than was requested
                       ? ""
                       : "dist::Mpi: broadcast: expected the main thread, because MPI was initialised with "
                         "MPI_THREAD_FUNNELED");
        }}.join();
    }
    MPI_Finalized(&flag);
    expect(!flag, "the library ended the host's MPI");
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Finalize();
    expect(message<StateError>([] { dist::Mpi mpi; }),
           "dist::Mpi: MPI was finalised: expected a process in which it can be started");
    return failures == 0 ? 0 : 1;
}
