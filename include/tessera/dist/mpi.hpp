#pragma once
// Mpi: a communicator over MPI (OpenMPI, MPICH, Intel MPI), by its C interface. Not in the umbrella: include it in a
// program that links tessera::mpi, or what mpicxx links.
//
//     int main() {
//         tessera::dist::Mpi mpi;                                  // MPI_Init_thread, where the host has not called it
//         return mpi.run([&] { return train(mpi); },               // the whole job ends when one process throws
//                        [](const std::string& message) { std::fprintf(stderr, "%s\n", message.c_str()); });
//     }
//                                                                  mpirun -np 2 ./train
//
// Mpi()            all processes of the job. Where MPI runs already it is left running at the end; else it is finalised
//                  when this object is destroyed, which must be the last one that uses MPI.
// Mpi(comm)        the processes of a host's communicator, of which it holds a duplicate: messages of the host and of
//                  the library never meet.
//
// Both are collective: all processes make one. Errors of MPI are a CommunicationError with MPI's text. MPI cannot take
// a process out of a job: where one throws, the others wait for messages that never come. So a host lets run() end the
// job, or calls abort(), or lets the exception end its process: an Mpi that is destroyed by an exception does not
// finalise (that would wait for the others), and mpirun ends a job one process of which has gone without.
//
// The library calls MPI from one thread at a time, the one that called the library. MPI is asked for
// MPI_THREAD_SERIALIZED; a host that initialises it must ask for MPI_THREAD_FUNNELED at least, and with that one may
// call the library from its main thread only.
//
// A message of 40 MB takes some 8 ms between two processes of one machine; start mpirun with --bind-to none (OpenMPI)
// where each process has several threads, or all of them share one core.

#include <tessera/core/error.hpp>
#include <tessera/dist/communicator.hpp>
#include <tessera/dist/detail/peer.hpp>
#include <tessera/dist/detail/pieces.hpp>

#include <cstddef>
#include <cstdlib>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

// The C++ bindings were removed from the standard in 2012; some installations would still link them.
#ifndef OMPI_SKIP_MPICXX
#define OMPI_SKIP_MPICXX 1
#endif
#ifndef MPICH_SKIP_MPICXX
#define MPICH_SKIP_MPICXX 1
#endif
#include <mpi.h>

namespace tessera::inline TESSERA_ABI::dist {

namespace detail {

inline void check_mpi(std::string_view call, int result) {
    if (result == MPI_SUCCESS) return;
    char text[MPI_MAX_ERROR_STRING];
    int length = 0;
    const bool known = MPI_Error_string(result, text, &length) == MPI_SUCCESS;
    throw CommunicationError(
        "dist::Mpi: " + std::string{call} + ": " +
        (known ? std::string(text, static_cast<std::size_t>(length)) : "error " + std::to_string(result)));
}

/// MPI itself, from its initialisation to its end where both are ours.
class MpiProcess {
public:
    MpiProcess() {
        int flag = 0;
        check_mpi("MPI_Finalized", MPI_Finalized(&flag));
        if (flag) throw StateError("dist::Mpi: MPI was finalised: expected a process in which it can be started");
        check_mpi("MPI_Initialized", MPI_Initialized(&flag));
        if (flag) {
            check_mpi("MPI_Query_thread", MPI_Query_thread(&level_));
        } else {
            check_mpi("MPI_Init_thread", MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &level_));
            ours_ = true;
        }
    }
    MpiProcess(const MpiProcess&) = delete;
    MpiProcess& operator=(const MpiProcess&) = delete;
    ~MpiProcess() {
        if (ours_ && !leaving()) MPI_Finalize();
    }

    /// An exception is about to end the process, or MPI is over.
    bool leaving() const {
        int finalised = 0;
        MPI_Finalized(&finalised);
        return finalised || std::uncaught_exceptions() > exceptions_;
    }
    void check_thread(std::string_view call) const {
        if (level_ >= MPI_THREAD_SERIALIZED) return;
        int main = 0;
        check_mpi("MPI_Is_thread_main", MPI_Is_thread_main(&main));
        if (!main)
            throw StateError("dist::Mpi: " + std::string{call} +
                             ": expected the main thread, because MPI was initialised with MPI_THREAD_FUNNELED");
    }
    int level() const { return level_; }

private:
    int level_ = MPI_THREAD_SINGLE;
    bool ours_ = false;
    int exceptions_ = std::uncaught_exceptions();
};

/// A duplicate of a communicator, on which errors are returned.
class MpiGroup {
public:
    explicit MpiGroup(MPI_Comm host) {
        if (process_.level() < MPI_THREAD_FUNNELED)
            throw StateError("dist::Mpi: MPI was initialised with MPI_THREAD_SINGLE: expected MPI_THREAD_FUNNELED or "
                             "more (MPI_Init_thread)");
        if (host == MPI_COMM_NULL) throw ArgumentError("dist::Mpi: " + expected_got("a communicator", "MPI_COMM_NULL"));
        check_mpi("MPI_Comm_dup", MPI_Comm_dup(host, &comm_));
        MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN);
        int rank = 0, size = 0;
        MPI_Comm_rank(comm_, &rank);
        MPI_Comm_size(comm_, &size);
        rank_ = static_cast<std::size_t>(rank);
        size_ = static_cast<std::size_t>(size);
    }
    MpiGroup(const MpiGroup&) = delete;
    MpiGroup& operator=(const MpiGroup&) = delete;
    ~MpiGroup() {
        if (comm_ != MPI_COMM_NULL && !process_.leaving()) MPI_Comm_free(&comm_);
    }
    MPI_Comm comm() const { return comm_; }
    std::size_t rank() const { return rank_; }
    std::size_t size() const { return size_; }
    void check_thread(std::string_view call) const { process_.check_thread(call); }

private:
    MpiProcess process_;
    MPI_Comm comm_ = MPI_COMM_NULL;
    std::size_t rank_ = 0, size_ = 1;
};

}  // namespace detail

class Mpi {
public:
    Mpi() : group_{std::make_unique<detail::MpiGroup>(MPI_COMM_WORLD)} {}
    explicit Mpi(MPI_Comm host) : group_{std::make_unique<detail::MpiGroup>(host)} {}

    std::size_t rank() const { return group_->rank(); }
    std::size_t size() const { return group_->size(); }

    void send(std::span<const std::byte> bytes, std::size_t to) {
        group_->check_thread("send");
        detail::check_other("dist::Mpi: send", to, rank(), size());
        detail::in_pieces(bytes.size(), detail::longest_piece, [&](std::size_t first, std::size_t count) {
            checked_call(
                "send to", to,
                MPI_Send(bytes.data() + first, static_cast<int>(count), MPI_BYTE, static_cast<int>(to), tag, comm()));
        });
    }
    void receive(std::span<std::byte> bytes, std::size_t from) {
        group_->check_thread("receive");
        detail::check_other("dist::Mpi: receive", from, rank(), size());
        detail::in_pieces(bytes.size(), detail::longest_piece, [&](std::size_t first, std::size_t count) {
            MPI_Status status;
            checked_call("receive from", from,
                         MPI_Recv(bytes.data() + first, static_cast<int>(count), MPI_BYTE, static_cast<int>(from), tag,
                                  comm(), &status));
            int got = 0;
            MPI_Get_count(&status, MPI_BYTE, &got);
            if (static_cast<std::size_t>(got) != count)
                throw CommunicationError("dist::Mpi: receive from rank " + std::to_string(from) +
                                         ": bytes: " + expected_got(count, static_cast<std::size_t>(got)));
        });
    }
    void broadcast(std::span<std::byte> bytes, std::size_t root) {
        group_->check_thread("broadcast");
        detail::check_root("dist::Mpi: broadcast", root, size());
        detail::in_pieces(bytes.size(), detail::longest_piece, [&](std::size_t first, std::size_t count) {
            checked_call(
                "broadcast from", root,
                MPI_Bcast(bytes.data() + first, static_cast<int>(count), MPI_BYTE, static_cast<int>(root), comm()));
        });
    }

    /// f(). Where it throws: tell("rank 1 of 4: " + what it says), then abort(code).
    template <class F, class Tell>
    decltype(auto) run(F&& f, Tell&& tell, int code = 1) {
        std::string message = "rank " + std::to_string(rank()) + " of " + std::to_string(size()) + ": ";
        try {
            return f();
        } catch (const std::exception& e) {
            message += e.what();
        } catch (...) {
            message += "an exception that is no std::exception";
        }
        tell(std::as_const(message));
        abort(code);
    }
    /// Ends all processes of the job at once; mpirun then exits with `code`, or with another number that is not 0.
    [[noreturn]] void abort(int code) const {
        MPI_Abort(comm(), code);
        std::abort();  // MPI_Abort does not come back
    }

private:
    static constexpr int tag = 0;

    MPI_Comm comm() const { return group_->comm(); }
    static void checked_call(const char* call, std::size_t rank, int result) {
        if (result != MPI_SUCCESS) detail::check_mpi(std::string{call} + " rank " + std::to_string(rank), result);
    }

    std::unique_ptr<detail::MpiGroup> group_;
};

static_assert(Communicator<Mpi>);

}  // namespace tessera::dist
