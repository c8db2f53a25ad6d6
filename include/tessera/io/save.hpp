#pragma once
// save: writes the state of any number of models to one safetensors file, with PyTorch's names and axes.
//
//     io::save("mnist.safetensors", vae, prior);
//     io::save("run.safetensors", trainer, rng);
//
// collect(models...) returns the writer instead, to which a program can add its own metadata and tensors;
// collect(writer, models...) adds more models to it. The file is replaced atomically (files/file.hpp).
//
// Errors   ArgumentError where two models have a leaf or metadata of the same name, IoError where the file cannot be
//          written
// Cost     one copy of all leaves in memory

#include <tessera/core/buffer.hpp>
#include <tessera/io/safetensors_writer.hpp>
#include <tessera/io/stateful.hpp>
#include <tessera/version.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI::io {

namespace detail {
template <class M>
void add_model(SafetensorsWriter& writer, const M& model) {
    std::vector<Fact> facts;
    add_facts<M>(model, facts);
    for (const Fact& fact : facts) writer.metadata(fact.in_file(), fact.value);
    M::each_state(
        [&]<class L>(const Path& path, const L& leaf) {
            Buffer<typename L::Scalar> values(L::Dims::size);
            for (std::size_t i = 0; i < values.size(); ++i) values[i] = leaf[L::from_file_index(i)];
            writer.add<typename L::Scalar>(path.str(), outer_shape<L>(), values);
        },
        model);
}
}  // namespace detail

/// A writer with the state of the models.
template <Stateful... M>
SafetensorsWriter collect(const M&... models) {
    SafetensorsWriter writer;
    writer.metadata("format", "pt");  // required by programs that read PyTorch's files
    writer.metadata("tessera.version", std::to_string(TESSERA_VERSION_MAJOR) + '.' +
                                           std::to_string(TESSERA_VERSION_MINOR) + '.' +
                                           std::to_string(TESSERA_VERSION_PATCH));
    (detail::add_model(writer, models), ...);
    return writer;
}

/// The same writer with the state of more models.
template <Stateful... M>
    requires(sizeof...(M) > 0)
SafetensorsWriter collect(SafetensorsWriter writer, const M&... models) {
    (detail::add_model(writer, models), ...);
    return writer;
}

/// Replaces the file at `path` atomically.
template <Stateful... M>
    requires(sizeof...(M) > 0)
void save(const std::string& path, const M&... models) { collect(models...).write(path); }

}  // namespace tessera::io
