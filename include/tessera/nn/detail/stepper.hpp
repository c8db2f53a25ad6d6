#pragma once
// How a Chain runs a step of one of its layers: which memory the layer needs, when its worker waits, and which form of
// the contract it implements (nn/step.hpp).

#include <tessera/core/buffer.hpp>
#include <tessera/core/view.hpp>
#include <tessera/kernel/gemm/gemm.hpp>
#include <tessera/nn/backward_epilogue.hpp>
#include <tessera/nn/exec/rounds.hpp>
#include <tessera/nn/step.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::nn::detail {

/// State or Scratch of a layer that has none.
struct NoMemory {
    explicit NoMemory(const Capacity&) {}
};

/// Rows between two layers: shared by all workers, or one copy for each.
template <class T, class Row, bool Replicated>
struct Between {
    std::vector<Buffer<T>> copies;

    Between() = default;
    explicit Between(const Capacity& capacity)
        : copies(Replicated ? capacity.workers : 1, Buffer<T>(capacity.rows() * Row::size)) {}
    View<T, Row> view(const Step& at) { return {copies[Replicated ? at.worker.id() : 0].data(), at.rows()}; }
};

template <class L, class Spec>
struct Stepper {
    using T = typename L::Scalar;
    using In = TokenRow<typename L::Input>;
    using Out = TokenRow<typename L::Output>;
    static constexpr Steps steps = nn::steps<L>;
    static_assert(CanStep<L>,
                  "step: this layer has neither `static constexpr nn::Steps steps{.per_token = true}` nor a "
                  "step, see nn/step.hpp");
    static constexpr bool replicated = steps.sharing == Sharing::replicated;
    static constexpr bool adds = steps.add_y || fuses<L>.add_y;

private:
    // The layer bound to one token, or to one element. Templates, so that nothing is bound unless it is used.
    template <class S>
    using OneOf = std::conditional_t<steps.sharing == Sharing::elementwise, Shape<1>, typename token_row<S>::one>;
    template <class S>
    using BoundToOne = typename Spec::template Bind<OneOf<S>, T>;
    template <class S>
    struct Caches {
        std::vector<typename BoundToOne<S>::Cache> of;  // one of each worker
        explicit Caches(const Capacity& capacity) : of(capacity.workers) {}
    };
    template <class M>
    struct state_of {
        using type = NoMemory;
    };
    template <WithState M>
    struct state_of<M> {
        using type = typename M::State;
    };
    template <class M>
    struct scratch_of {
        using type = NoMemory;
    };
    template <WithScratch M>
    struct scratch_of<M> {
        using type = typename M::Scratch;
    };
    template <class M>
        requires(!StepsItself<M> && !WithScratch<M>)
    struct scratch_of<M> {
        using type = Caches<typename M::Input>;
    };

public:
    using State = typename state_of<L>::type;
    using Scratch = typename scratch_of<L>::type;

    /// `add`: see Fuses::add_y; only where `adds`.
    template <class... Add>
    static void run(const Weights<L>& w, View<const InputScalar<L>, In> x, View<T, Out> y, State& state,
                    Scratch& scratch, Step& at, Add... add) {
        if constexpr (steps.composite) {
            call(w, x, y, state, scratch, at, add...);
        } else {
            // x must be complete: the worker's columns for an elementwise layer, else all rows.
            if constexpr (steps.sharing == Sharing::elementwise)
                at.sync_columns();
            else
                at.sync();
            if (steps.sharing != Sharing::leader || at.worker.id() == 0) {
                if constexpr (StepsItself<L>)
                    call(w, x, y, state, scratch, std::as_const(at), add...);
                else
                    forward(w, x, y, scratch, at, add...);
            }
            // What the next layer has to wait for before it reads y.
            if constexpr (steps.sharing == Sharing::columns || steps.sharing == Sharing::elementwise)
                at.pending = Step::Pending::other_columns;
            else if constexpr (!replicated)
                at.pending = Step::Pending::anything;
        }
    }

private:
    static void call(const auto& w, auto x, auto y, State& state, Scratch& scratch, auto& at, auto... add) {
        if constexpr (WithState<L> && WithScratch<L>)
            L::step(w, x, y, state, scratch, at, add...);
        else if constexpr (WithState<L>)
            L::step(w, x, y, state, at, add...);
        else if constexpr (WithScratch<L>)
            L::step(w, x, y, scratch, at, add...);
        else
            L::step(w, x, y, at, add...);
    }
    static void forward(const auto& w, auto x, auto y, auto& scratch, const Step& at, auto... add) {
        using One = BoundToOne<typename L::Input>;
        static_assert(std::same_as<Weights<One>, Weights<L>>,
                      "steps: per_token: the weights must have one type for any number of tokens: Params outside of "
                      "the layer, a template of the width");
        auto& cache = scratch.of[at.worker.id()];
        nn::begin<One>(cache, {});
        if constexpr (steps.sharing == Sharing::elementwise) {
            constexpr std::size_t width = last_dim<In>;
            const auto [first, count] = kernel::columns_of(at.worker, width);
            const std::size_t elements = x.batch() * In::size;
            // One call over all elements, or one per row over this worker's columns.
            if (count == width) {
                One::forward(w, {x.data(), elements}, {y.data(), elements}, cache);
            } else if (count > 0) {
                for (std::size_t i = first; i < elements; i += width)
                    One::forward(w, {x.data() + i, count}, {y.data() + i, count}, cache);
            }
        } else {
            const View<const InputScalar<L>, typename One::Input> from{x.data(), x.batch()};
            const View<T, typename One::Output> to{y.data(), y.batch()};
            if constexpr (steps.sharing == Sharing::columns || steps.sharing == Sharing::custom) {
                static_assert(HasRounds<One> && rounds<One> == 1,
                              "steps: per_token: the sharing columns or custom needs a forward_round, in one round");
                One::forward_round(w, from, to, cache, Round{at.worker}, add...);
            } else {
                One::forward(w, from, to, cache, add...);
            }
        }
    }
};

}  // namespace tessera::nn::detail
