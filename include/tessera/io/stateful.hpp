#pragma once
// Stateful: the concept of a model for io::save and io::load.
//
//     static each_state(f, models...)   calls f(ParamPath, leaf...) for each Param to save, with its full name
//
// and, optionally,
//
//     kind                     a name for its metadata, saved as "tessera.<kind>.<key>"
//     metadata()               pairs of strings that must agree but do not show in shapes: ("heads", "4")
//     settings()               values of options (core/setting.hpp) that must agree unless the host accepts them
//     wrapped()                a reference to another model, whose kind, metadata and settings are used as well
//     optional_in_file(name)   static: whether the model is usable without this leaf
//     accepted(settings)       noexcept, takes std::span<const std::string>: the keys of the settings that the host
//                              accepts and that are compared later (core/setting.hpp); called after each load
//     fill_missing(missing)    noexcept, takes std::span<const std::string>: computes the leaves that the file did not
//                              have from the others, after a load
//     state_changed()          called after its weights were loaded
//
// Errors   static_assert where an optional member has one of these names but not the expected signature

#include <tessera/core/param.hpp>
#include <tessera/core/param_path.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/io/dtype.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::io {

/// Not weaker, because a file needs names and leaves; not stronger, so that a user's model needs only one function.
template <class M>
concept Stateful = requires(M& model) {
    std::remove_const_t<M>::each_state(tessera::detail::NoOpVisitor{}, model);
};

namespace detail {

/// One entry of the metadata or the settings of a model.
struct MetadataField {
    std::string kind, key, value;
    bool is_setting = false;
    std::vector<std::string> leaves{};
    bool compared_later = false;
    std::vector<std::string> texts{};

    std::string qualified() const { return kind.empty() ? key : kind + '.' + key; }
    std::string in_file() const { return "tessera." + qualified(); }
};

/// A leaf of a model, as it must be in the file.
struct Leaf {
    std::string name;
    std::vector<std::uint64_t> shape;
    Dtype dtype;
    bool optional = false;
};

template <class M>
concept HasKind = requires {
    std::string{*&M::kind};  // *& because an unevaluated operand may also be a member of each object
};
template <class M>
concept Wraps = requires(const M& model) {
    requires std::is_lvalue_reference_v<decltype(model.wrapped())>;
    requires std::is_class_v<std::remove_cvref_t<decltype(model.wrapped())>>;
};
template <class M>
concept GivesMetadata = requires(const M& model) {
    { *model.metadata().begin() } -> std::convertible_to<std::pair<std::string, std::string>>;
};
template <class M>
concept GivesSettings = requires(const M& model) {
    { *model.settings().begin() } -> std::convertible_to<Setting>;
};
template <class M>
concept HasOptionalInFile = requires {
    { M::optional_in_file(std::string_view{}) } -> std::convertible_to<bool>;
};
template <class M>
concept FillsMissing = requires(M& model, std::span<const std::string> missing) {
    { model.fill_missing(missing) }
    noexcept;
};
template <class M>
concept HearsAccepted = requires(M& model, std::span<const std::string> settings) {
    { model.accepted(settings) }
    noexcept;
};
template <class M>
concept HasStateChanged = requires(M& model) {
    model.state_changed();
};

/// A member with the name of a hook but another signature is an error, because it would never be called. Members that
/// are overloaded, private or templates are not seen.
template <class M>
constexpr void check_hooks() {
    if constexpr (requires { &M::kind; })
        static_assert(HasKind<M>, "io: kind: expected `static constexpr std::string_view kind`");
    if constexpr (requires { &M::wrapped; })
        static_assert(Wraps<M>, "io: wrapped: expected `const Model& wrapped() const`");
    if constexpr (requires { &M::metadata; })
        static_assert(GivesMetadata<M>, "io: metadata: expected `tessera::NamedValues metadata() const`");
    if constexpr (requires { &M::settings; })
        static_assert(GivesSettings<M>, "io: settings: expected `std::vector<tessera::Setting> settings() const`");
    if constexpr (requires { &M::optional_in_file; })
        static_assert(HasOptionalInFile<M>,
                      "io: optional_in_file: expected `static bool optional_in_file(std::string_view name)`");
    if constexpr (requires { &M::fill_missing; })
        static_assert(FillsMissing<M>,
                      "io: fill_missing: expected `void fill_missing(std::span<const std::string> missing) noexcept`");
    if constexpr (requires { &M::accepted; })
        static_assert(HearsAccepted<M>,
                      "io: accepted: expected `void accepted(std::span<const std::string> settings) noexcept`");
    if constexpr (requires { &M::state_changed; })
        static_assert(HasStateChanged<M>, "io: state_changed: expected `void state_changed()`");
}

template <class M>
void add_metadata_fields(const M& model, std::vector<MetadataField>& to) {
    check_hooks<M>();
    std::string kind;
    if constexpr (requires { std::string{M::kind}; }) kind = M::kind;
    if constexpr (requires { model.metadata(); })
        for (const auto& [key, value] : model.metadata()) to.push_back({kind, key, value});
    if constexpr (requires { model.settings(); })
        for (const Setting& s : model.settings())
            to.push_back({kind, s.key, s.value, true, s.leaves, s.compared_later, s.texts});
    if constexpr (requires { model.wrapped(); }) add_metadata_fields(model.wrapped(), to);
}

template <class L>
std::vector<std::uint64_t> outer_shape() {
    const auto dims = L::file_dims();
    return {dims.begin(), dims.end()};
}

// A type instead of a lambda in add_leaves, as are the other visitors of files, optimisers and trainers: a
// lambda in a template differs for each model, and every layer of it would be compiled for it once more.
struct AddLeaf {
    std::vector<Leaf>& to;
    bool (*is_optional)(std::string_view name);  // or nullptr

    template <class L>
    void operator()(const ParamPath& path, const L&) const {
        add({path.str(), outer_shape<L>(), dtype_of<typename L::Scalar>});
    }
    void add(Leaf leaf) const {
        leaf.optional = is_optional && is_optional(leaf.name);
        to.push_back(std::move(leaf));
    }
};

template <class M>
void add_leaves(const M& model, std::vector<Leaf>& to) {
    bool (*is_optional)(std::string_view) = nullptr;
    if constexpr (requires { M::optional_in_file(std::string_view{}); })
        is_optional = [](std::string_view name) -> bool { return M::optional_in_file(name); };
    M::each_state(AddLeaf{to, is_optional}, model);
}

}  // namespace detail

}  // namespace tessera::io
