#pragma once
// Nets over sequences, some tokens at a time: the first dimension of a sample counts tokens, what follows it
// is a row.
//
//     Net::State state{capacity};            // for so many sequences, tokens of a step, workers
//     Net::Scratch scratch{capacity};
//     nn::Step at{worker, sequences, tokens, position};
//     Net::step(w, x, y, state, scratch, at);        // x, y: rows, [sequence][token]
//     at.sync();                                     // now y is complete for every worker
//
// Rows position .. position + tokens - 1 of each sequence go in, and the same rows of forward, outside
// training, come out, bit for bit; one step of all tokens is forward. A step may begin at 0 again, or at any
// row since the first of the last step: what was fed from there on is forgotten. The workers of a team
// (kernel/threads/team.hpp) make the call together. Where `Net::steps.sharing` is replicated, each has its own y.
//
// A layer takes part in one of two ways:
//   1. Row t of y depends on row t of x only. Then `static constexpr Steps steps{.per_token = true};` and no
//      code: its spec is bound to one token, and forward is called with one token a sample. Its weights must
//      have one type for any number of tokens: Params outside of the layer, a template of the width.
//      per_token must be said, because a norm over all tokens could be called so, too, and would be wrong.
//   2. It remembers, or reads the position:
//          struct State { explicit State(const Capacity&); };       // what it keeps of each sequence
//          struct Scratch { explicit Scratch(const Capacity&); };   // shared by all copies of a Repeat
//          static void step(w, x, y, state, scratch, at);
//      State and Scratch are optional, and step does without those that the layer does not have. x is a
//      View<const InputScalar, TokenRow<Input>>, y a View<Scalar, TokenRow<Output>>. With Fuses::add_y the
//      last argument is `add`.
// When a layer is called, x is complete. `steps.sharing` says which worker computes what of y, and where it
// is not given, the leader computes all of it: right for any layer, and slower only where a team takes few
// sequences together.
//
// pack_forward(params, packed), optional, packs what forward and step read and leaves out what backward
// reads.

#include <tessera/core/shape.hpp>
#include <tessera/kernel/threads/parallel.hpp>
#include <tessera/kernel/threads/team.hpp>
#include <tessera/nn/layer.hpp>

#include <cstddef>
#include <type_traits>
#include <vector>

namespace tessera::inline TESSERA_ABI::nn {

/// Which worker computes what of y.
enum class Sharing {
    leader,       ///< the leader all of it
    custom,       ///< each some part of it, which at.worker gives
    columns,      ///< each the columns kernel::columns_of(at.worker, last_dim<Output>)
    elementwise,  ///< y[i] depends on x[i] only: each the columns that it has of x
    replicated,   ///< each all of it, in own memory: cheaper than to wait for another
};

/// How a layer takes part in steps.
struct Steps {
    bool per_token = false;  ///< row t of y depends on row t of x only
    Sharing sharing = Sharing::leader;
    bool identity = false;  ///< y = x outside training (Dropout): a step leaves the layer out
    // Of layers made of layers:
    bool composite = false;  ///< its step passes `at`, not const, on to theirs; it has a `can_step`
    bool add_y = false;      ///< its step takes `add`, as where Fuses::add_y is set
};

/// The largest step that State and Scratch have memory for. `tokens`: of one sequence.
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

    std::size_t rows() const { return sequences * tokens; }

    // For layers made of layers. What other workers may still be writing, as far as this worker knows: all
    // take the same path, so all come to the same answer.
    enum class Pending { nothing, other_columns, anything };
    Pending pending = Pending::nothing;

    /// Before rows are read that other workers may have written.
    void sync() {
        if (pending != Pending::nothing) wait();
    }
    /// Before a worker reads the columns that fall to it.
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

/// One token of a sample: Shape<width> of a Shape<tokens, width>, one number of a Shape<tokens>.
template <StaticShape S>
using TokenRow = typename detail::token_row<S>::row;

template <class L>
inline constexpr Steps steps = detail::steps_of<L>();

namespace detail {
// A call of step: x and y as rows, then those of State and Scratch that the layer has, then `at`.
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
// In a Shape<tokens> a row is one number, and what is not elementwise mixes them: a Linear over Shape<C>.
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

/// Has its own step, apart from forward.
template <class L>
concept StepsItself = detail::steps_itself<L>();

/// Takes part in steps. A layer made of layers says so itself (`can_step`): it does where all of them do.
template <class L>
concept CanStep = detail::can_step<L>();

/// The packing of many layers, in one loop over all of them. A layer made of layers adds theirs:
/// add_pack_jobs(params, packed, jobs).
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

/// Makes w from params for forward passes and steps only, on all threads.
template <Layer L>
void pack_forward(const typename L::Params& params, Weights<L>& w) {
    PackJobs jobs;
    jobs.add<L>(params, w);
    jobs.run();
}

}  // namespace tessera::nn
