#pragma once
// save(path, models...) and load(path, models...): the state of any number of models in one safetensors file.
//
//     io::save("mnist.safetensors", vae, prior);      io::load("mnist.safetensors", vae, prior);
//
// A model is whatever has
//     static each_state(f, model)    calls f(Path, leaf) for each Param that is to be kept, with its full
//     name
// and, where it wants to,
//     kind, metadata()               a name, and pairs of strings: what must be equal in the file and the
//     model, because
//                                    the shapes do not show it ("heads", "4"); kept as "tessera.<kind>.<key>"
//     state_changed()                called after its weights were loaded
// Files hold PyTorch's names and order. load has the strong guarantee: everything is read and checked,
// against the model and for NaN, before the first weight changes. A file may hold more models than are
// loaded: the first part of a name
// ("encoder", "prior") says whose it is.

#include <tessera/core/buffer.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/path.hpp>
#include <tessera/io/safetensors.hpp>
#include <tessera/io/safetensors_writer.hpp>
#include <tessera/version.hpp>

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::io {

/// Not weaker: names and leaves are all that a file needs. Not stronger: a user's own model is one with one
/// function.
template <class M>
concept Stateful = requires(M& model) {
    std::remove_const_t<M>::each_state(Visit{}, model);
};

namespace detail {

template <class Leaf>
using LeafScalar = typename Leaf::Scalar;

template <class M>
std::string metadata_prefix() {
    if constexpr (requires { M::kind; })
        return "tessera." + std::string{M::kind} + '.';
    else
        return "tessera.";
}

template <class Leaf>
std::vector<std::uint64_t> outer_shape() {
    const auto dims = Leaf::outer_dims();
    return {dims.begin(), dims.end()};
}

inline std::string first_part(std::string_view name) { return std::string{name.substr(0, name.find('.'))}; }

/// What does not fit, collected to be told at once.
class Complaints {
public:
    void add(const std::string& text) {
        constexpr std::size_t most = 20;
        if (++count_ <= most) text_ += (count_ == 1 ? "" : "\n  ") + text;
    }
    void raise(const std::string& file) const {
        if (count_ == 0) return;
        constexpr std::size_t most = 20;
        throw FormatError(FormatCode::mismatch,
                          "io::load: " + file + ": " +
                              (count_ == 1 ? "" : std::to_string(count_) + " things do not fit:\n  ") +
                              text_ + (count_ > most ? "\n  ..." : ""),
                          file);
    }

private:
    std::size_t count_ = 0;
    std::string text_;
};

/// Compares what the model needs with what the file has; notes the names.
template <class M>
void compare(const SafetensorsFile& file, const M& model, std::set<std::string>& names,
             Complaints& complaints) {
    M::each_state(
        [&]<class Leaf>(const Path& path, const Leaf&) {
            const std::string name = path.str();
            names.insert(name);
            const std::vector<std::uint64_t> shape = outer_shape<Leaf>();
            const TensorInfo* tensor = file.find(name);
            if (!tensor)
                complaints.add(name + ": expected " + shape_text(shape) + ", missing in the file");
            else if (tensor->shape != shape)
                complaints.add(name + ": expected " + shape_text(shape) + ", file has " +
                               shape_text(tensor->shape));
            else if (tensor->dtype != dtype_of<LeafScalar<Leaf>>)
                complaints.add(name + ": expected " + std::string{info(dtype_of<LeafScalar<Leaf>>).name} +
                               ", file has " + std::string{info(tensor->dtype).name});
        },
        model);
    if constexpr (requires { model.metadata(); })
        for (const auto& [key, value] : model.metadata())
            if (const auto found = file.metadata(metadata_prefix<M>() + key); found && *found != value)
                complaints.add(key + ": expected " + value + ", file has " + printable(*found));
}

template <class M>
using Staged = std::vector<Buffer<unsigned char>>;

template <class M>
Staged<M> stage(SafetensorsFile& file, const M& model) {
    Staged<M> staged;
    M::each_state(
        [&]<class Leaf>(const Path& path, const Leaf&) {
            using T = LeafScalar<Leaf>;
            const std::string name = path.str();
            const TensorInfo& tensor = *file.find(name);
            auto& bytes = staged.emplace_back(Leaf::Dims::size * sizeof(T));
            const std::span<T> values{reinterpret_cast<T*>(bytes.data()), Leaf::Dims::size};
            file.read(tensor, values);
            if constexpr (std::floating_point<T>)
                for (std::size_t i = 0; i < values.size(); ++i)
                    if (!std::isfinite(values[i]))
                        throw FormatError(FormatCode::not_finite,
                                          "io::load: " + file.name() + ": " + name + ": element " +
                                              std::to_string(i) + ": " +
                                              expected_got("a finite number", std::to_string(values[i])),
                                          file.name(), tensor.at);
        },
        model);
    return staged;
}

/// Cannot fail: the strong guarantee rests on it.
template <class M>
void commit(const Staged<M>& staged, M& model) noexcept {
    std::size_t next = 0;
    M::each_state(
        [&]<class Leaf>(const Path&, Leaf& leaf) {
            const auto* values = reinterpret_cast<const LeafScalar<Leaf>*>(staged[next++].data());
            for (std::size_t i = 0; i < Leaf::Dims::size; ++i) leaf[Leaf::from_outer(i)] = values[i];
        },
        model);
}

template <class M>
void add_model(SafetensorsWriter& writer, const M& model) {
    if constexpr (requires { model.metadata(); })
        for (const auto& [key, value] : model.metadata()) writer.metadata(metadata_prefix<M>() + key, value);
    M::each_state(
        [&]<class Leaf>(const Path& path, const Leaf& leaf) {
            Buffer<LeafScalar<Leaf>> values(Leaf::Dims::size);
            for (std::size_t i = 0; i < values.size(); ++i) values[i] = leaf[Leaf::from_outer(i)];
            writer.add<LeafScalar<Leaf>>(path.str(), outer_shape<Leaf>(), values);
        },
        model);
}

}  // namespace detail

/// The models in a writer, to which a program can add its own metadata and tensors.
template <Stateful... M>
SafetensorsWriter collect(const M&... models) {
    SafetensorsWriter writer;
    writer.metadata("format", "pt");  // what programs that read PyTorch's files look for
    writer.metadata("tessera.version", std::to_string(TESSERA_VERSION_MAJOR) + '.' +
                                           std::to_string(TESSERA_VERSION_MINOR) + '.' +
                                           std::to_string(TESSERA_VERSION_PATCH));
    (detail::add_model(writer, models), ...);
    return writer;
}

/// Replaces the file at `path`, as a whole or not at all.
template <Stateful... M>
    requires(sizeof...(M) > 0)
void save(const std::string& path, const M&... models) { collect(models...).write(path); }

/// All models or none: nothing has changed when this throws.
template <Stateful... M>
    requires(sizeof...(M) > 0 && (!std::is_const_v<M> && ...))
void load(SafetensorsFile& file, M&... models) {
    file.check_sum();
    std::set<std::string> names, parts;
    detail::Complaints complaints;
    (detail::compare<M>(file, models, names, complaints), ...);
    for (const std::string& name : names) parts.insert(detail::first_part(name));
    for (const TensorInfo& tensor : file.tensors())
        if (parts.contains(detail::first_part(tensor.name)) && !names.contains(tensor.name))
            complaints.add(printable(tensor.name) + ": not expected, file has " + shape_text(tensor.shape));
    complaints.raise(file.name());

    const std::tuple<detail::Staged<M>...> staged{detail::stage<M>(file, models)...};
    std::apply([&](const auto&... s) { (detail::commit<M>(s, models), ...); }, staged);
    const auto tell = [](auto& model) {
        if constexpr (requires { model.state_changed(); }) model.state_changed();
    };
    (tell(models), ...);
}
template <Stateful... M>
    requires(sizeof...(M) > 0 && (!std::is_const_v<M> && ...))
void load(const std::string& path, M&... models) {
    SafetensorsFile file{path};
    load(file, models...);
}

}  // namespace tessera::inline TESSERA_ABI::io
