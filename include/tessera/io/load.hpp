#pragma once
// load: reads the state of any number of models from one safetensors file.
//
//     io::load("mnist.safetensors", vae, prior);
//     io::load(checkpoint.file, {.accept = {"clip_norm", "lr"}}, trainer, position);
//
// The file provides weights, buffers, moments, counters, and the positions of generators and in the data. Names, shapes
// and metadata must agree. Settings (values of options) must agree too, unless the host accepts a difference by name;
// the same holds for a file whose names or parts differ from the models' (load_options.hpp). A file may hold more
// models than are loaded: the first part of a name ("encoder", "prior") says to which model a tensor belongs.
//
// Strong guarantee: everything is read and checked, against the models and for NaN, before the first weight changes.
// F16 and BF16 are widened, and F32 for a model of doubles; F64 would have to be rounded and is an error for a model of
// floats.
//
// Errors   FormatError where the file is malformed, damaged, not finite or does not match the models, or no name in it
//          begins with `prefix` or a `rename`, or no matrix with a transposed one, or no rename reads a tensor that
//          has the first part of one that is read (load_options.hpp); IoError where it cannot be read; ArgumentError
//          where `accept` or `allow_missing` names nothing of the models. An `allow_unused` that matches nothing is
//          ignored
// Cost     one copy of everything that is loaded; a file with a checksum is read twice

#include <tessera/core/buffer.hpp>
#include <tessera/core/to_size.hpp>
#include <tessera/io/detail/load_plan.hpp>
#include <tessera/io/float16.hpp>
#include <tessera/io/load_options.hpp>
#include <tessera/io/safetensors.hpp>
#include <tessera/io/stateful.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::io {

namespace detail {

template <class M>
concept Loadable = Stateful<M> && !std::is_const_v<M>;

template <class From, class T>
void read_widened(SafetensorsFile& file, const TensorInfo& tensor, std::span<T> to) {
    Buffer<From> narrow(to.size());
    file.read(tensor, std::span<From>{narrow.data(), narrow.size()});
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = widened<T>(narrow[i]);
}

template <class T>
void read_as(SafetensorsFile& file, const TensorInfo& tensor, std::span<T> to) {
    if constexpr (std::floating_point<T>) {
        if (tensor.dtype == Dtype::f16) return read_widened<Float16>(file, tensor, to);
        if (tensor.dtype == Dtype::bf16) return read_widened<BFloat16>(file, tensor, to);
        if constexpr (std::same_as<T, double>)
            if (tensor.dtype == Dtype::f32) return read_widened<float>(file, tensor, to);
    }
    file.read(tensor, to);
}

/// [columns, rows] in the file, [rows, columns] in `values`.
template <class T>
void transpose(std::span<T> values, std::size_t rows) {
    const std::size_t columns = values.size() / rows;
    Buffer<T> in_file(values.size());
    std::copy(values.begin(), values.end(), in_file.data());
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < columns; ++c) values[r * columns + c] = in_file[c * rows + r];
}

using Staged = std::vector<Buffer<unsigned char>>;

/// Reads the values of each leaf, in order; empty where a leaf is not loaded.
class StageLeaf {
public:
    StageLeaf(SafetensorsFile& file, const LoadPlan<SafetensorsFile>& plan, Staged& staged)
        : file_{file}, plan_{plan}, staged_{staged} {}

    template <class L>
    void operator()(const ParamPath& path, const L& leaf) const {
        static_cast<void>(leaf.span());  // StateError where the model was moved from
        stage<typename L::Scalar>(path, outer_shape<L>(), L::Dims::size);
    }

private:
    template <class T>
    void stage(const ParamPath& path, const std::vector<std::uint64_t>& shape, std::size_t size) const {
        const auto [tensor, transposed] = plan_.sources[staged_.size()];
        auto& bytes = staged_.emplace_back(tensor ? size * sizeof(T) : 0);
        if (!tensor) return;
        const std::span<T> values{reinterpret_cast<T*>(bytes.data()), size};
        read_as<T>(file_, *tensor, values);
        if constexpr (std::floating_point<T>)
            for (std::size_t i = 0; i < values.size(); ++i)
                if (!std::isfinite(values[i]))
                    throw FormatError(FormatCode::not_finite,
                                      "io::load: " + file_.name() + ": " + path.str() + ": element " +
                                          std::to_string(i) + ": " +
                                          expected_got("a finite number", std::to_string(values[i])),
                                      file_.name(), tensor->offset);
        if (transposed) transpose(values, to_size(shape[0]));
    }

    SafetensorsFile& file_;
    const LoadPlan<SafetensorsFile>& plan_;
    Staged& staged_;
};

/// Copies the staged values into the model. noexcept, because the strong guarantee depends on it.
struct ApplyLeaf {
    const Staged& staged;
    std::size_t& next;

    template <class L>
    void operator()(const ParamPath&, L& leaf) const noexcept {
        const Buffer<unsigned char>& bytes = staged[next++];
        if (bytes.size() == 0) return;
        const auto* values = reinterpret_cast<const typename L::Scalar*>(bytes.data());
        for (std::size_t i = 0; i < L::Dims::size; ++i) leaf[L::from_file_index(i)] = values[i];
    }
};
template <class M>
void apply(const Staged& staged, std::size_t& next, M& model) noexcept {
    M::each_state(ApplyLeaf{staged, next}, model);
}

/// Those of the missing leaves that are the model's own.
struct AddMissing {
    const std::vector<std::string>& missing;
    std::vector<std::string>& own;

    template <class L>
    void operator()(const ParamPath& path, const L&) const {
        add(path.str());
    }
    void add(std::string name) const {
        if (std::find(missing.begin(), missing.end(), name) != missing.end()) own.push_back(std::move(name));
    }
};
template <class M>
std::vector<std::string> missing_of(const M& model, const std::vector<std::string>& missing) {
    std::vector<std::string> own;
    if (!missing.empty()) M::each_state(AddMissing{missing, own}, model);
    return own;
}

/// The keys of the settings of a model that are compared later and that the host accepts.
template <class M>
std::vector<std::string> accepted_later(const LoadPlan<SafetensorsFile>& plan, const M& model) {
    std::vector<MetadataField> fields;
    add_metadata_fields<M>(model, fields);
    std::vector<std::string> keys;
    for (const MetadataField& field : fields)
        if (field.compared_later && plan.is_accepted(field)) keys.push_back(field.key);
    return keys;
}

/// What the file has for settings that are compared later is in their leaves.
inline void report_accepted_later(LoadPlan<SafetensorsFile>& plan, const std::vector<Leaf>& leaves,
                                  const std::vector<MetadataField>& fields, const Staged& staged) {
    auto accepted = plan.report.accepted.begin();  // in the order of the fields
    for (const MetadataField& field : fields) {
        if (!plan.is_accepted(field)) continue;
        std::string& text = accepted++->file;
        for (std::size_t i = 0; field.compared_later && i < leaves.size(); ++i) {
            std::uint64_t value = 0;
            if (field.leaves.empty() || leaves[i].name != field.leaves[0] || staged[i].size() != sizeof(value))
                continue;
            std::memcpy(&value, staged[i].data(), sizeof(value));
            if (field.texts.empty()) text = std::to_string(value);
            if (value < field.texts.size()) text = field.texts[to_size(value)];
        }
    }
}

/// What a model is told after it was loaded.
struct Notice {
    std::vector<std::string> missing, accepted;
};
template <class M>
void notify(M& model, const Notice& notice) {
    const std::span<const std::string> missing{notice.missing}, accepted{notice.accepted};
    if constexpr (requires { model.accepted(accepted); }) model.accepted(accepted);
    if constexpr (requires { model.fill_missing(missing); })
        if (!missing.empty()) model.fill_missing(missing);
    if constexpr (requires { model.state_changed(); }) model.state_changed();
}

template <class... M>
LoadReport load(SafetensorsFile& file, const LoadOptions& options, M&... models) {
    file.verify_checksum();
    std::vector<Leaf> leaves;
    std::vector<MetadataField> fields;
    (add_leaves<M>(models, leaves), ...);
    (add_metadata_fields<M>(models, fields), ...);
    LoadPlan plan{file, leaves, fields, options};
    plan.check_copies(file);
    Staged staged;
    staged.reserve(leaves.size());
    (M::each_state(StageLeaf{file, plan, staged}, std::as_const(models)), ...);
    report_accepted_later(plan, leaves, fields, staged);
    const Notice notices[] = {{missing_of<M>(models, plan.report.missing), accepted_later<M>(plan, models)}...};

    std::size_t next = 0, model = 0;
    (apply<M>(staged, next, models), ...);
    (notify(models, notices[model++]), ...);
    return std::move(plan.report);
}

}  // namespace detail

/// Loads all models or none: if this throws, they are unchanged. The options come first, because only the last
/// parameters can be a pack that is deduced.
template <detail::Loadable... M>
    requires(sizeof...(M) > 0)
LoadReport load(SafetensorsFile& file, const LoadOptions& options, M&... models) {
    return detail::load(file, options, models...);
}
template <detail::Loadable... M>
    requires(sizeof...(M) > 0)
LoadReport load(SafetensorsFile& file, M&... models) { return detail::load(file, LoadOptions{}, models...); }

/// The same for the file of a path.
template <detail::Loadable... M>
    requires(sizeof...(M) > 0)
LoadReport load(const std::string& path, const LoadOptions& options, M&... models) {
    SafetensorsFile file{path};
    return detail::load(file, options, models...);
}
template <detail::Loadable... M>
    requires(sizeof...(M) > 0)
LoadReport load(const std::string& path, M&... models) { return load(path, LoadOptions{}, models...); }

}  // namespace tessera::io
