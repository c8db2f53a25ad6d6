#pragma once
// Stateful: what io::save and io::load take. A model is whatever has
//     static each_state(f, models...)   calls f(Path, leaf...) for each Param to keep, with its full name
// and, where it wants to,
//     kind                     a name for its metadata, kept as "tessera.<kind>.<key>"
//     metadata()               pairs of strings that must agree, as shapes do not show them: ("heads", "4")
//     settings()               numbers of options (core/setting.hpp) that must agree unless the host accepts
//     wrapped()                another model, whose metadata, settings and kind count as well
//     optional_in_file(name)   static: is this a leaf without which the model can be used?
//     complete(missing)        noexcept, takes std::span<const std::string>: after a load that has left these
//                              leaves out, makes them from what there is
//     state_changed()          after its weights were loaded

#include <tessera/core/param.hpp>
#include <tessera/core/path.hpp>
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

/// Not weaker: names and leaves are all that a file needs. Not stronger: a user's own model is one with one
/// function.
template <class M>
concept Stateful = requires(M& model) {
    std::remove_const_t<M>::each_state(Visit{}, model);
};

namespace detail {

/// Metadata or a setting of a model.
struct Fact {
    std::string kind, key, value;
    bool is_setting = false;
    std::vector<std::string> leaves{};

    std::string qualified() const { return kind.empty() ? key : kind + '.' + key; }
    std::string in_file() const { return "tessera." + qualified(); }
};

/// A leaf of a model, as the file must have it.
struct Leaf {
    std::string name;
    std::vector<std::uint64_t> shape;
    Dtype dtype;
    bool optional = false;
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
concept TellsWhatIsOptional = requires {
    { M::optional_in_file(std::string_view{}) } -> std::convertible_to<bool>;
};
template <class M>
concept CompletesItself = requires(M& model, std::span<const std::string> missing) {
    { model.complete(missing) }
    noexcept;
};
template <class M>
concept HearsOfLoads = requires(M& model) {
    model.state_changed();
};

/// A hook that has the name and cannot be called as it must be is an error: it would never run.
template <class M>
constexpr void check_hooks() {
    if constexpr (requires { &M::metadata; })
        static_assert(GivesMetadata<M>,
                      "io: metadata: expected `std::vector<std::pair<std::string, std::string>> metadata() const`");
    if constexpr (requires { &M::settings; })
        static_assert(GivesSettings<M>, "io: settings: expected `std::vector<tessera::Setting> settings() const`");
    if constexpr (requires { &M::optional_in_file; })
        static_assert(TellsWhatIsOptional<M>,
                      "io: optional_in_file: expected `static bool optional_in_file(std::string_view name)`");
    if constexpr (requires { &M::complete; })
        static_assert(CompletesItself<M>,
                      "io: complete: expected `void complete(std::span<const std::string> missing) noexcept`");
    if constexpr (requires { &M::state_changed; })
        static_assert(HearsOfLoads<M>, "io: state_changed: expected `void state_changed()`");
}

template <class M>
void add_facts(const M& model, std::vector<Fact>& to) {
    check_hooks<M>();
    std::string kind;
    if constexpr (requires { std::string{M::kind}; }) kind = M::kind;
    if constexpr (requires { model.metadata(); })
        for (const auto& [key, value] : model.metadata()) to.push_back({kind, key, value});
    if constexpr (requires { model.settings(); })
        for (const Setting& s : model.settings()) to.push_back({kind, s.key, s.value, true, s.leaves});
    if constexpr (requires { model.wrapped(); }) add_facts(model.wrapped(), to);
}

template <class L>
std::vector<std::uint64_t> outer_shape() {
    const auto dims = L::outer_dims();
    return {dims.begin(), dims.end()};
}

template <class M>
void add_leaves(const M& model, std::vector<Leaf>& to) {
    M::each_state(
        [&]<class L>(const Path& path, const L&) {
            Leaf leaf{path.str(), outer_shape<L>(), dtype_of<typename L::Scalar>};
            if constexpr (requires { M::optional_in_file(std::string_view{}); })
                leaf.optional = M::optional_in_file(leaf.name);
            to.push_back(std::move(leaf));
        },
        model);
}

}  // namespace detail

}  // namespace tessera::io
