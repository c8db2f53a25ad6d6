#pragma once
// Mpi: a Communicator over MPI (OpenMPI, MPICH, Intel MPI), by its C interface.
//
//     int main() {
//         tessera::dist::Mpi mpi;                                  // MPI_Init_thread, unless the host has called it
//         return mpi.run([&] { return train(mpi); },               // the whole job ends when one process throws
//                        [](const std::string& message) { std::fprintf(stderr, "%s\n", message.c_str()); });
//     }
//                                                                  mpirun -np 2 ./train
//
// The umbrella header does not include it: include it in a program that links tessera::mpi, or what mpicxx links.
//
// Mpi()            all processes of the job. An MPI that is already running is left running at the end; otherwise it is
//                  finalised when this object is destroyed, which must be the last one that uses MPI.
// Mpi(comm)        the processes of a host's communicator, which is duplicated: messages of the host and of the library
//                  cannot be confused.
//
// Both constructors are collective: all processes call them. MPI cannot remove a process from a job: where one throws,
// the others wait for messages that never arrive. A host therefore lets run() end the job, or calls abort(), or lets
// the exception end its process. An Mpi that is destroyed by an exception does not finalise, because that would wait
// for the others, and mpirun ends a job in which a process has exited without MPI_Finalize.
//
// The library calls MPI from one thread at a time, the one that called the library. It requests MPI_THREAD_SERIALIZED;
// a host that initialises MPI must request at least MPI_THREAD_FUNNELED, and with that level may call the library from
// its main thread only.
//
// Errors   CommunicationError with MPI's text where a call of MPI fails, or a message has another size than expected
//          StateError where MPI was finalised, was initialised with MPI_THREAD_SINGLE, or is called from another thread
//          than its level allows
//          ArgumentError where a rank is out of range, or the communicator is MPI_COMM_NULL
// Cost     40 MB take some 8 ms between two processes of one machine. Start mpirun with --bind-to none (OpenMPI) where
//          each process has several threads; otherwise all of them share one core.

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

/// Initialises and finalises MPI, unless the host does.
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

    /// An exception is about to end the process, or MPI has been finalised.
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

/// A duplicate of a communicator, with MPI_ERRORS_RETURN.
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

    /// Calls f(). Where it throws: tell("rank 1 of 4: " + the message), then abort(code).
    template <class F, class Tell>
    decltype(auto) run(F&& f, Tell&& tell, int code = 1) {
        std::string message = "rank " + std::to_string(rank()) + " of " + std::to_string(size()) + ": ";
        try {
            return f();
        } catch (const std::exception& e) {
            message += e.what();
        } catch (...) {
            message += "an exception that is not a std::exception";
        }
        tell(std::as_const(message));
        abort(code);
    }
    /// Ends all processes of the job at once; mpirun then exits with `code`, or with another number that is not 0.
    [[gnu::__noreturn__]] void abort(int code) const {
        MPI_Abort(comm(), code);
        std::abort();  // MPI_Abort does not return
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
