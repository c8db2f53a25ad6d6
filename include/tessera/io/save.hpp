#pragma once
// save: writes the state of any number of models to one safetensors file, with PyTorch's names and axes.
//
//     io::save("mnist.safetensors", vae, prior);
//     io::save("run.safetensors", trainer, rng);
//
// Under the names of another program, which are given as for reading that program's files:
//
//     io::save("gpt2.safetensors", {.rename = io::reversed(gpt2_names<io::Rename>(12))}, prior);
//
// collect(models...) returns the writer instead, to which a program can add its own metadata and tensors;
// collect(writer, models...) adds more models to it. The file is replaced atomically (files/file.hpp): it keeps its
// permissions, and where the path is a link, the file that it leads to is replaced.
//
// Errors   ArgumentError where two models have a leaf or metadata of the same name, or where no name of the models
//          begins with the `from` of a rename, or no matrix with that of a transposed one, or where the path is empty
//          or has a NUL in it; NumericError where a number is not finite, as io::load refuses such a file; StateError
//          where a model was moved from; IoError where the file cannot be written
// Cost     one copy of all leaves in memory

#include <tessera/core/buffer.hpp>
#include <tessera/core/error.hpp>
#include <tessera/io/load_options.hpp>
#include <tessera/io/safetensors_writer.hpp>
#include <tessera/io/stateful.hpp>
#include <tessera/version.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::io {

struct SaveOptions {
    /// Names of the models that begin with `from` are written as names that begin with `to`; the first match counts.
    std::vector<Rename> rename{};
};

/// From the names of a file to those of the models, or back.
[[nodiscard]] inline std::vector<Rename> reversed(std::vector<Rename> renames) {
    for (Rename& r : renames) std::swap(r.from, r.to);
    return renames;
}

namespace detail {
struct RenameUse {
    bool by_name = false, by_matrix = false;
};

// Writes each leaf, under the name that the options give it.
class WriteLeaf {
public:
    WriteLeaf(SafetensorsWriter& writer, const SaveOptions& options, std::vector<RenameUse>& used)
        : writer_{writer}, options_{options}, used_{used} {}

    template <class L>
    void operator()(const ParamPath& path, const L& leaf) const {
        using T = typename L::Scalar;
        const auto in_memory = leaf.span();  // StateError where the model was moved from
        Buffer<T> values(L::Dims::size);
        for (std::size_t i = 0; i < values.size(); ++i) values[i] = in_memory[L::from_file_index(i)];
        if constexpr (std::floating_point<T>) check_finite<T>(path, values);
        write<T>(path.str(), outer_shape<L>(), std::move(values));
    }

private:
    // io::load would refuse the file, and it would have replaced one that can be loaded.
    template <class T>
    static void check_finite(const ParamPath& path, const Buffer<T>& values) {
        for (std::size_t i = 0; i < values.size(); ++i)
            if (!std::isfinite(values[i]))
                throw NumericError("io::save: " + path.str() + ": element " + std::to_string(i) + ": " +
                                   expected_got("a finite number", std::to_string(values[i])));
    }
    template <class T>
    void write(std::string name, std::vector<std::uint64_t> shape, Buffer<T> values) const {
        if (renamed(name, shape.size() == 2)) {
            const std::size_t rows = shape[0], columns = shape[1];
            Buffer<T> transposed(values.size());
            for (std::size_t i = 0; i < values.size(); ++i) transposed[i % columns * rows + i / columns] = values[i];
            std::swap(shape[0], shape[1]);
            values = std::move(transposed);
        }
        writer_.add<T>(name, shape, values);
    }
    // Returns whether the matrix is to be transposed.
    bool renamed(std::string& name, bool is_matrix) const {
        for (std::size_t i = 0; i < used_.size(); ++i)
            if (const Rename& r = options_.rename[i]; name.starts_with(r.from)) {
                name = r.to + name.substr(r.from.size());
                used_[i].by_name = true;
                used_[i].by_matrix = used_[i].by_matrix || is_matrix;
                return r.transposed && is_matrix;
            }
        return false;
    }

    SafetensorsWriter& writer_;
    const SaveOptions& options_;
    std::vector<RenameUse>& used_;
};

template <class M>
void add_model(SafetensorsWriter& writer, const M& model, const SaveOptions& options, std::vector<RenameUse>& used) {
    std::vector<MetadataField> fields;
    add_metadata_fields<M>(model, fields);
    for (const MetadataField& field : fields)
        if (!field.compared_later) writer.metadata(field.in_file(), field.value);
    M::each_state(WriteLeaf{writer, options, used}, model);
}

/// A rename that matches nothing is a mistake of the host.
template <class... M>
void add_models(SafetensorsWriter& writer, const SaveOptions& options, const M&... models) {
    std::vector<RenameUse> used(options.rename.size());
    (add_model(writer, models, options, used), ...);
    for (std::size_t i = 0; i < used.size(); ++i) {
        const std::string from = printable(options.rename[i].from);
        if (!used[i].by_name) throw ArgumentError("io::save: rename: no name of the models begins with " + from);
        if (options.rename[i].transposed && !used[i].by_matrix)
            throw ArgumentError("io::save: rename: transposed: " + expected_got("a matrix below " + from, "none"));
    }
}
}  // namespace detail

/// A writer with the state of the models.
template <Stateful... M>
[[nodiscard]] SafetensorsWriter collect(const SaveOptions& options, const M&... models) {
    SafetensorsWriter writer;
    writer.metadata("format", "pt");  // required by programs that read PyTorch's files
    writer.metadata("tessera.version", std::to_string(TESSERA_VERSION_MAJOR) + '.' +
                                           std::to_string(TESSERA_VERSION_MINOR) + '.' +
                                           std::to_string(TESSERA_VERSION_PATCH));
    detail::add_models(writer, options, models...);
    return writer;
}
template <Stateful... M>
[[nodiscard]] SafetensorsWriter collect(const M&... models) {
    return collect(SaveOptions{}, models...);
}

/// The same writer with the state of more models.
template <Stateful... M>
    requires(sizeof...(M) > 0)
[[nodiscard]] SafetensorsWriter collect(SafetensorsWriter writer, const M&... models) {
    detail::add_models(writer, SaveOptions{}, models...);
    return writer;
}

/// Replaces the file at `path` atomically.
template <Stateful... M>
    requires(sizeof...(M) > 0)
void save(const std::string& path, const SaveOptions& options, const M&... models) {
    collect(options, models...).write(path);
}
template <Stateful... M>
    requires(sizeof...(M) > 0)
void save(const std::string& path, const M&... models) { save(path, SaveOptions{}, models...); }

}  // namespace tessera::io
