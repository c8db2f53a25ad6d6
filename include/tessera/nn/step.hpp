#pragma once
// Step: a net over sequences, some tokens at a time. The first dimension of a sample counts tokens, the rest is a row.
//
//     Net::State state{capacity};            // for so many sequences, tokens of a step, workers
//     Net::Scratch scratch{capacity};
//     nn::Step at{worker, sequences, tokens, position};
//     Net::step(w, x, y, state, scratch, at);        // x, y: rows, [sequence][token]
//     at.sync();                                     // now y is complete for every worker
//
// A step reads rows position .. position + tokens - 1 of each sequence and writes the rows that forward would compute
// there in evaluation, bit for bit. g++ fuses a * b + c where it likes: write std::fma where step and forward must
// agree, or compile with -ffp-contract=off, as tessera::native does. A step may restart at position 0, or go back to
// any row of the previous step; later rows are then discarded from the state. So a layer that reads the row before
// `position` keeps Capacity::tokens + 1 rows of each sequence. The workers of a team (kernel/threads/team.hpp) make the
// call together and share one State and one Scratch; how many they are may change from step to step. Where
// `Net::steps.sharing` is replicated, each worker has a separate y.
//
// A layer supports steps in one of two ways:
//   1. Row t of y depends on row t of x only. Then `static constexpr Steps steps{.per_token = true};` and no function:
//      the spec is bound to one token, and forward is called with one token per sample. The type of the weights must
//      not depend on the number of tokens: declare Params outside the layer, as LinearParams. per_token is not deduced,
//      because a norm over all tokens compiles with one token, too, and gives other results.
//   2. It keeps state, or reads the position:
//          struct State { explicit State(const Capacity&); };       // what it keeps of each sequence
//          struct Scratch { explicit Scratch(const Capacity&); };   // shared by all copies of a Repeat
//          static void step(w, x, y, state, scratch, at);
//      State and Scratch are optional; step does not take those that the layer does not have. x is a
//      View<const InputScalar, TokenRow<Input>>, y a View<Scalar, TokenRow<Output>>. With Fuses::add_y the last
//      argument is `add`.
// When a layer is called, x is complete. `steps.sharing` says which worker computes which part of y. By default only
// the leader calls step, and computes all of it: correct for any layer, and slower only where a team runs few sequences
// together. Otherwise every worker calls it.
//
// pack_forward(params, packed), optional, packs what forward and step read and leaves out what only backward reads.
//
// Shapes   x [sequences * tokens, TokenRow<Input>], y [sequences * tokens, TokenRow<Output>]
// Cost     State and Scratch are allocated once, for the largest step that Capacity describes

#include <tessera/core/shape.hpp>
#include <tessera/kernel/threads/parallel.hpp>
#include <tessera/kernel/threads/team.hpp>
#include <tessera/nn/layer.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace tessera::inline TESSERA_ABI::nn {

/// Which worker computes which part of y.
enum class Sharing {
    leader,  ///< the leader computes all of it; the other workers do not call the layer
    custom,  ///< each worker a part of it, which the layer derives from at.worker (at.worker.share)
    /// Each worker the columns kernel::columns_of(at.worker, last_dim<TokenRow<Output>>) of kernel/gemm/gemm.hpp: whole
    /// panels, not at.worker.share. The next layer may read a worker's columns before the others have finished.
    columns,
    elementwise,  ///< y[i] depends on x[i] only: each worker the columns of y that it has of x
    replicated,   ///< each worker all of it, in separate memory: cheaper than waiting for another worker
};

/// How a layer supports steps.
struct Steps {
    bool per_token = false;  ///< row t of y depends on row t of x only
    Sharing sharing = Sharing::leader;
    bool identity = false;  ///< y = x outside training (Dropout): a step leaves the layer out
    // For layers that consist of layers:
    bool composite = false;  ///< its step passes a non-const `at` to theirs; it has a `can_step`
    bool add_y = false;      ///< its step takes `add`, as with Fuses::add_y
};

/// The largest step that State and Scratch have memory for. `tokens` counts those of one sequence.
struct Capacity {
    std::size_t sequences = 1, tokens = 1, workers = 1;

    std::size_t rows() const { return sequences * tokens; }
};

/// One worker's view of one step.
struct Step {
    const kernel::Worker& worker;
    std::size_t sequences = 1;
    std::size_t tokens = 1;    ///< of each sequence
    std::size_t position = 0;  ///< of the first of them
    /// The row of forward of each of the tokens, where these are not consecutive; read by layers for nets that are
    /// stepped so (nn/two_stream_attention.hpp), and by no other.
    const std::size_t* positions = nullptr;
    /// The places that Pass::places has for these rows, [sequence][token of the step]; read by the same layers.
    const std::uint32_t* places = nullptr;

    std::size_t rows() const { return sequences * tokens; }
    std::size_t position_of(std::size_t token) const {
        return positions == nullptr ? position + token : positions[token];
    }

    // For layers that consist of layers: what other workers may still be writing, as far as this worker knows. All
    // workers take the same path, so all have the same value here.
    enum class Pending { nothing, other_columns, anything };
    Pending pending = Pending::nothing;

    /// Call before reading rows that other workers may have written.
    void sync() {
        if (pending != Pending::nothing) wait();
    }
    /// Call before a worker reads its share of the columns.
    void sync_columns() {
        if (pending == Pending::anything) wait();
    }
    void wait() {
        worker.wait();
        pending = Pending::nothing;
    }
};

namespace detail {
template <class S>
struct token_row;
template <std::size_t N>
struct token_row<Shape<N>> {
    using row = Shape<1>;
    using one = Shape<1>;
};
template <std::size_t N, std::size_t... D>
    requires(sizeof...(D) > 0)
struct token_row<Shape<N, D...>> {
    using row = Shape<D...>;
    using one = Shape<1, D...>;
};

template <class L>
consteval Steps steps_of() {
    if constexpr (requires { L::steps; })
        return L::steps;
    else
        return {};
}
}  // namespace detail

/// The shape of one token of a sample: Shape<width> for Shape<tokens, width>, Shape<1> for Shape<tokens>.
template <StaticShape S>
using TokenRow = typename detail::token_row<S>::row;

template <class L>
inline constexpr Steps steps = detail::steps_of<L>();

namespace detail {
// A call of step: x and y as rows, then State and Scratch where the layer has them, then `at`.
template <class L, class... Memory>
concept StepsWith = requires(const Weights<L>& w, View<const InputScalar<L>, TokenRow<typename L::Input>> x,
                             View<typename L::Scalar, TokenRow<typename L::Output>> y,
                             std::conditional_t<steps<L>.composite, Step&, const Step&> at, Memory&... memory) {
    L::step(w, x, y, memory..., at);
};
template <class L>
concept WithState = requires {
    typename L::State;
};
template <class L>
concept WithScratch = requires {
    typename L::Scratch;
};
template <class L>
consteval bool steps_itself() {
    if constexpr (WithState<L> && WithScratch<L>)
        return StepsWith<L, typename L::State, typename L::Scratch>;
    else if constexpr (WithState<L>)
        return StepsWith<L, typename L::State>;
    else if constexpr (WithScratch<L>)
        return StepsWith<L, typename L::Scratch>;
    else
        return StepsWith<L>;
}
// In a Shape<tokens> a row is one element, and a layer that is not elementwise mixes rows: a Linear over Shape<C>.
template <class L>
consteval bool per_token() {
    if constexpr (L::Input::rank == 0 || L::Output::rank == 0)
        return false;
    else
        return steps<L>.per_token && L::Input::dims[0] == L::Output::dims[0] &&
               (L::Input::rank > 1 || steps<L>.sharing == Sharing::elementwise);
}
template <class L>
consteval bool can_step() {
    if constexpr (steps<L>.composite)
        return L::can_step;
    else
        return per_token<L>() || steps_itself<L>();
}
}  // namespace detail

/// Implements step, in addition to forward.
template <class L>
concept StepsItself = detail::steps_itself<L>();

/// Supports steps. A layer that consists of layers declares it (`can_step`): it does if all of them do.
template <class L>
concept CanStep = detail::can_step<L>();

/// Packs many layers in one parallel loop. A layer that consists of layers adds theirs: add_pack_jobs(params, packed,
/// jobs).
class PackJobs {
public:
    template <Layer L>
    void add(const typename L::Params& params, Weights<L>& w) {
        if constexpr (requires { L::add_pack_jobs(params, w, *this); })
            L::add_pack_jobs(params, w, *this);
        else
            jobs_.push_back({&pack_one<L>, &params, &w});
    }
    void run() const {
        kernel::for_each_slot(jobs_.size(), kernel::concurrency(),
                              [&](std::size_t i, std::size_t) { jobs_[i].pack(jobs_[i].params, jobs_[i].packed); });
    }

private:
    struct Job {
        void (*pack)(const void* params, void* packed);
        const void* params;
        void* packed;
    };
    template <Layer L>
    static void pack_one(const void* params, void* packed) {
        const auto& p = *static_cast<const typename L::Params*>(params);
        auto& w = *static_cast<Weights<L>*>(packed);
        if constexpr (requires { L::pack_forward(p, w); })
            L::pack_forward(p, w);
        else
            nn::pack<L>(p, w);
    }

    std::vector<Job> jobs_;
};

/// Computes w from params for forward passes and steps only, on all threads.
template <Layer L>
void pack_forward(const typename L::Params& params, Weights<L>& w) {
    PackJobs jobs;
    jobs.add<L>(params, w);
    jobs.run();
}

}  // namespace tessera::nn
