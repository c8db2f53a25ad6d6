#pragma once
// What Muon does with leaves: which of them are matrices, the state that belongs to them, the pass over all.

#include <tessera/core/error.hpp>
#include <tessera/core/param.hpp>
#include <tessera/kernel/muon.hpp>
#include <tessera/kernel/threads/parallel.hpp>
#include <tessera/optim/detail/adam_rule.hpp>
#include <tessera/optim/lr_scale.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI::detail {

/// A weight of a product: [in, out] in memory, [out, in] in files. The table of an embedding has one order.
template <class Leaf>
inline constexpr bool is_map = false;
template <class T, StaticShape S>
inline constexpr bool is_map<Param<T, S, Axes<1, 0>>> = true;

/// Which leaves of P are in one of the parts and have rank 2; without parts, all maps but the head: a last map after
/// which nothing follows but its bias. The last map of a model with a tied head is followed by a norm.
template <Parameters P>
std::vector<bool> matrices_of(const std::vector<std::string>& parts, const P& params) {
    std::vector<bool> chosen, found(parts.size());
    std::vector<std::string> matrices;
    std::string map_module;
    std::size_t maps_end = 0;  // 1 + the place of the last map, 0 if another module follows
    P::each(
        [&]<class Leaf>(const ParamPath& path, const Leaf&) {
            chosen.push_back(parts.empty() && is_map<Leaf>);
            const std::string name = path.str(), module = name.substr(0, name.rfind('.') + 1);
            if (is_map<Leaf>) {
                map_module = module;
                maps_end = chosen.size();
            } else if (module != map_module) {
                maps_end = 0;
            }
            if constexpr (Leaf::Dims::rank == 2) {
                matrices.push_back(name);
                for (std::size_t i = 0; i < parts.size(); ++i) {
                    if (parts[i].empty() || !is_part(parts[i], matrices.back())) continue;
                    chosen.back() = true;
                    found[i] = true;
                }
            }
        },
        params);
    for (std::size_t i = 0; i < parts.size(); ++i)
        if (!found[i])
            throw ArgumentError("Muon: parts: " + parts[i] + ": expected a part with a leaf of rank 2" +
                                (matrices.empty() ? "" : ", such as " + parts_instead_of(parts[i], matrices)));
    if (parts.empty() && maps_end > 0) chosen[maps_end - 1] = false;
    return chosen;
}

/// A parameter set: what a checkpoint keeps of the optimiser.
template <Parameters P>
struct MuonState {
    P m, v;  // the second moments of matrices are unused
    Param<std::int64_t, Shape<1>> step;
    Param<double, Shape<1>> lr;  // of the next step; a rate from set_lr is stored only here

    template <class F, class... S>
    static void each(F&& f, S&... s) {
        P::each(with_prefix("muon.m", f), s.m...);
        P::each(with_prefix("muon.v", f), s.v...);
        f("muon.step", s.step...);
        f("muon.lr", s.lr...);
    }
};

/// The leaves of one type, as one update sees them. Threads share the matrices, then the pieces of all other leaves.
template <std::floating_point T>
class MuonPass {
public:
    /// Makes room for a leaf.
    template <class Leaf>
    void expect(bool is_matrix) {
        if constexpr (Leaf::Dims::rank == 2)
            if (is_matrix) {
                matrices_.reserve(++expected_);
                if (scratch_.empty()) scratch_.resize(kernel::concurrency());
                for (kernel::MuonUpdate<T>& scratch : scratch_)
                    scratch.expect(Leaf::Dims::dims[0], Leaf::Dims::dims[1]);
                return;
            }
        others_.expect(Leaf::Dims::size);
    }
    void clear() {
        matrices_.clear();
        matrices_.reserve(expected_);  // a copy of an optimiser has none yet
        others_.clear();
    }
    void add(const kernel::MuonMatrix<T>& matrix) { matrices_.push_back(matrix); }
    void add(const AdamPiece<T>& leaf) { others_.add(leaf); }
    /// With at most as many threads as the constructor could have used.
    void update(const kernel::NewtonSchulzOptions& options) {
        kernel::for_each_slot(matrices_.size(), (std::min)(kernel::concurrency(), scratch_.size()),
                              [&](std::size_t i, std::size_t slot) { scratch_[slot].run(options, matrices_[i]); });
        others_.update();
    }

private:
    std::size_t expected_ = 0;
    std::vector<kernel::MuonMatrix<T>> matrices_;
    std::vector<kernel::MuonUpdate<T>> scratch_;  // of each thread
    AdamPieces<T> others_;
};

}  // namespace tessera::detail
