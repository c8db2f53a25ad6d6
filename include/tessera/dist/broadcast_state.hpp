#pragma once
// broadcast_state(communicator, root, models...): gives all processes the state of `root`.
//
//     if (communicator.rank() == 0) io::load("run.safetensors", trainer);
//     dist::broadcast_state(communicator, 0, trainer);
//
// Call it at the start of a run, or after `root` loaded a checkpoint. A model is what io::save accepts: it has a static
// each_state(f, model), and may have metadata() and state_changed(). The names and sizes of all leaves and the metadata
// (such as the number of heads) of a model, and of the model that it wraps, must be the same in all processes. Options
// are not compared here: the first step of a Trainer does it.
//
// Errors   ArgumentError in all processes, before any model has changed, where the models differ; ArgumentError where
//          root is not a rank
// Cost     three broadcasts, one of them as large as the state, and one of 8 bytes for each process; memory for a
//          second copy of the state

#include <tessera/core/error.hpp>
#include <tessera/core/param.hpp>
#include <tessera/dist/all_gather_count.hpp>
#include <tessera/dist/communicator.hpp>
#include <tessera/dist/detail/peer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace tessera::inline TESSERA_ABI::dist {

namespace detail {

/// What must be the same in all processes, one fact on each line.
template <class M>
void describe_metadata(const M& model, std::string& text) {
    if constexpr (requires { model.metadata(); })
        for (const auto& [key, value] : model.metadata()) text += key + ": " + value + '\n';
    if constexpr (requires { model.wrapped(); }) describe_metadata(model.wrapped(), text);
}
template <class M>
void describe_state(const M& model, std::string& text, std::size_t& bytes) {
    M::each_state(
        [&](const ParamPath& path, const auto& leaf) {
            bytes += leaf.span().size_bytes();
            text += path.str() + ": " + std::to_string(leaf.span().size_bytes()) + " bytes\n";
        },
        model);
    describe_metadata(model, text);
}

/// The first line in which the two differ, as expected and got.
inline std::string first_difference(std::string_view theirs, std::string_view mine) {
    std::size_t first = 0;
    while (first < theirs.size() && first < mine.size() && theirs[first] == mine[first]) ++first;
    const auto line = [](std::string_view text, std::size_t at) -> std::string {
        const std::size_t begin = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;  // npos + 1 is 0
        const std::string_view found = text.substr(begin, text.find('\n', at) - begin);
        return found.empty() ? "nothing more" : std::string{found};
    };
    return expected_got(line(theirs, first), line(mine, first));
}

/// All processes return or all of them throw.
template <class C>
void check_same_models(C& communicator, std::size_t root, const std::string& mine) {
    std::uint64_t length = mine.size();
    communicator.broadcast(std::as_writable_bytes(std::span{&length, 1}), root);
    std::string theirs = mine;
    theirs.resize(length);
    communicator.broadcast(std::as_writable_bytes(std::span{theirs}), root);
    const std::vector<std::uint64_t> same = all_gather_count(communicator, theirs == mine ? 1 : 0);
    const auto other = std::find(same.begin(), same.end(), 0u);
    if (other == same.end()) return;
    const std::string who = "dist::broadcast_state: rank ";
    if (theirs != mine)
        throw ArgumentError(who + std::to_string(communicator.rank()) + " has another model than rank " +
                            std::to_string(root) + ": " + first_difference(theirs, mine));
    throw ArgumentError(who + std::to_string(other - same.begin()) + " has another model than rank " +
                        std::to_string(root));
}

}  // namespace detail

template <Communicator C, class... M>
    requires(sizeof...(M) > 0 && (requires(M & model) { M::each_state(tessera::detail::NoOpVisitor{}, model); } && ...))
void broadcast_state(C& communicator, std::size_t root, M&... models) {
    detail::check_root("dist::broadcast_state", root, communicator.size());
    if constexpr (!single_process<C>) {
        std::string text;
        std::size_t bytes = 0;
        (detail::describe_state<M>(models, text, bytes), ...);
        detail::check_same_models(communicator, root, text);

        std::vector<std::byte> state(bytes);
        std::size_t at = 0;
        const auto each_leaf = [&](auto f) { (M::each_state(f, models), ...); };
        if (communicator.rank() == root)
            each_leaf([&](const ParamPath&, auto& leaf) {
                std::memcpy(state.data() + at, leaf.data(), leaf.span().size_bytes());
                at += leaf.span().size_bytes();
            });
        communicator.broadcast(state, root);
        if (communicator.rank() != root)
            each_leaf([&](const ParamPath&, auto& leaf) {
                std::memcpy(leaf.data(), state.data() + at, leaf.span().size_bytes());
                at += leaf.span().size_bytes();
            });
        const auto notify = [](auto& model) {
            if constexpr (requires { model.state_changed(); }) model.state_changed();
        };
        (notify(models), ...);
    }
}

}  // namespace tessera::dist
