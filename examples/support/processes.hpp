#pragma once
// Processes: one process, or with TESSERA_MPI those of `mpirun -np 4 digits ...`. They share each batch and end with
// the weights that one process would have. Only the first one prints and writes files.

#ifdef DIGITS_MPI
#include <tessera/dist/mpi.hpp>
#else
#include <tessera/dist/self.hpp>
#endif

#include <cstddef>
#include <span>
#include <string>

namespace digits {

#ifdef DIGITS_MPI
using Processes = tessera::dist::Mpi;
#else
using Processes = tessera::dist::Self;
#endif

inline bool is_first(const Processes& processes) { return processes.rank() == 0; }

/// The value of the first process.
inline bool of_first(Processes& processes, bool value) {
    processes.broadcast(std::as_writable_bytes(std::span{&value, 1}), 0);
    return value;
}
inline std::string of_first(Processes& processes, std::string text) {
    std::size_t size = text.size();
    processes.broadcast(std::as_writable_bytes(std::span{&size, 1}), 0);
    text.resize(size);
    processes.broadcast(std::as_writable_bytes(std::span{text.data(), text.size()}), 0);
    return text;
}

}  // namespace digits
