#include <tessera/testing/layer_check.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <chrono>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

using namespace tessera;

namespace {

enum class Fault {
    none,
    init_draws_time,
    two_names,
    forgets_leaf,
    wrong_gradient,
    wrong_parameter_gradient,
    infinite_gradient,
    skips_last_output,
    adds_to_dx,
    overwrites_grad,
    own_backward_params,
    forgetful_copy,
    mixes_samples,
    other_rounds,
    depends_on_thread,
    allocates,
};

const std::thread::id main_thread = std::this_thread::get_id();
std::size_t calls_of_init = 0;

// y = w x with one weight for each element, and one mistake.
template <Fault F, StaticShape In, std::floating_point T>
struct ScaleLayer {
    using Scalar = T;
    using Input = In;
    using Output = In;
    struct Params {
        Param<T, In> weight, other;

        template <class Visitor, class... P>
        static void each(Visitor&& f, P&... p) {
            if (F != Fault::forgets_leaf) f("weight", p.weight...);
            f(F == Fault::two_names ? "weight" : "other", p.other...);
        }
    };
    struct Cache {
        Tensor<T, In> kept;

        Cache() = default;
        Cache(const Cache& other) { *this = other; }
        Cache& operator=(const Cache& other) {
            kept = F == Fault::forgetful_copy ? Tensor<T, In>(other.kept.batch()) : other.kept;
            return *this;
        }
    };

    static void init(Params& p, Rng& rng) {
        for (T& value : p.weight.span()) value = static_cast<T>(rng.uniform());
        if (F == Fault::init_draws_time) p.weight[0] = static_cast<T>(++calls_of_init);
    }
    static void forward(const Params& p, View<const T, In> x, View<T, In> y, Cache& cache) {
        if (F == Fault::allocates) std::vector<T>(x.elements()).swap(spare);
        cache.kept.resize(x.batch());
        std::ranges::copy(x.span(), cache.kept.data());
        const bool skips = F == Fault::skips_last_output && std::same_as<T, float>;
        for (std::size_t n = 0; n < x.batch(); ++n)
            for (std::size_t i = 0; i < In::size; ++i)
                if (!skips || n + 1 < x.batch() || i + 1 < In::size) y[n][i] = p.weight[i] * x[n][i];
        if (F == Fault::mixes_samples && std::same_as<T, float>)
            for (std::size_t n = 1; n < x.batch(); ++n) y[n][0] += T(1e-3) * x[n - 1][0];
        if (F == Fault::depends_on_thread) {
            if (std::this_thread::get_id() == main_thread)
                std::this_thread::sleep_for(std::chrono::milliseconds{5});  // others get a block, too
            else
                y[0][0] += T(0.1);
        }
    }
    static void forward_round(const Params& p, View<const T, In> x, View<T, In> y, Cache&, nn::Round at) {
        const auto [begin, end] = at.worker.share(x.batch());
        for (std::size_t n = begin; n < end; ++n)
            for (std::size_t i = 0; i < In::size; ++i) {
                const bool wrong = F == Fault::other_rounds && n == 4 && i == 1;
                y[n][i] = wrong ? x[n][i] : p.weight[i] * x[n][i];
            }
    }
    static void backward(const Params& p, View<const T, In> x, View<const T, In>, View<const T, In> dy, View<T, In> dx,
                         Cache& cache, Params& grad) {
        for (std::size_t n = 0; n < x.batch(); ++n)
            for (std::size_t i = 0; i < In::size; ++i) {
                const T d = p.weight[i] * dy[n][i];
                dx[n][i] = F == Fault::adds_to_dx && std::same_as<T, float> ? dx[n][i] + d : d;
                if (F == Fault::wrong_gradient) dx[n][i] *= T(1.00001);
                if (F == Fault::infinite_gradient) dx[n][i] /= T(0);
            }
        backward_params(p, x, x, dy, cache, grad);
        if (F == Fault::own_backward_params) grad.weight[1] += T(1);
    }
    static void backward_params(const Params&, View<const T, In> x, View<const T, In>, View<const T, In> dy,
                                Cache& cache, Params& grad) {
        if (F == Fault::own_backward_params && std::same_as<T, double>) return backward_twin(x, dy, grad);
        for (std::size_t i = 0; i < In::size; ++i) {
            T sum = 0;
            for (std::size_t n = 0; n < x.batch(); ++n) sum += cache.kept[n][i] * dy[n][i];
            if (F == Fault::wrong_parameter_gradient) sum *= T(1.00001);
            grad.weight[i] = F == Fault::overwrites_grad ? sum : grad.weight[i] + sum;
        }
    }

private:
    static void backward_twin(View<const T, In> x, View<const T, In> dy, Params& grad) {
        for (std::size_t n = 0; n < x.batch(); ++n)
            for (std::size_t i = 0; i < In::size; ++i) grad.weight[i] += x[n][i] * dy[n][i];
        grad.weight[1] -= T(1);  // the mistake of backward; the gradient in double is right
    }
    static inline thread_local std::vector<T> spare;
};

template <Fault F>
struct Scale {
    template <StaticShape In, std::floating_point T>
    using Bind = ScaleLayer<F, In, T>;
};

enum class StepFault {
    none,
    forgets,
    takes_one_token,
    counts_by_itself,
    never_restarts,
    leaves_work,
    not_per_token,
    allocates,
    writes_past,
};

// y[t] = x[0] + .. + x[t] in each channel.
template <StaticShape In, std::floating_point T>
struct RunningSumLayer {
    static constexpr std::size_t tokens = In::dims[0], width = last_dim<In>;
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Params = Empty;
    using Cache = Empty;

    static void init(Params&, Rng&) {}
    static void forward(const Params&, View<const T, In> x, View<T, In> y, Cache&) {
        for (std::size_t n = 0; n < x.batch(); ++n)
            for (std::size_t i = 0; i < In::size; ++i) y[n][i] = i < width ? x[n][i] : y[n][i - width] + x[n][i];
    }
    static void backward(const Params&, View<const T, In>, View<const T, In>, View<const T, In> dy, View<T, In> dx,
                         Cache&, Params&) {
        for (std::size_t n = 0; n < dy.batch(); ++n)
            for (std::size_t i = In::size; i-- > 0;)
                dx[n][i] = i + width < In::size ? dx[n][i + width] + dy[n][i] : dy[n][i];
    }
};
// The same in steps, with one mistake.
template <StepFault F, StaticShape In, std::floating_point T>
struct SteppingSumLayer : RunningSumLayer<In, T> {
    using Sum = RunningSumLayer<In, T>;
    using Row = nn::TokenRow<In>;
    static constexpr nn::Steps steps{.sharing =
                                         F == StepFault::leaves_work ? nn::Sharing::custom : nn::Sharing::leader};
    struct State {
        explicit State(const nn::Capacity& capacity) : sums(capacity.sequences) {}
        Tensor<T, In> sums;  // up to each token
        std::size_t fed = 0;
    };
    static void step(const Empty&, View<const T, Row> x, View<T, Row> y, State& state, const nn::Step& at) {
        if (F == StepFault::allocates) std::vector<T>(at.rows()).swap(spare);
        if (F == StepFault::leaves_work && at.worker.id() > 0) return;
        if (at.position == 0) state.fed = 0;
        const std::size_t rows = F == StepFault::leaves_work ? at.rows() / at.worker.size() : at.rows();
        for (std::size_t row = 0; row < rows; ++row) {
            const std::size_t n = row / at.tokens, t = row % at.tokens;
            const std::size_t place = (F == StepFault::counts_by_itself ? state.fed % Sum::tokens : at.position) + t;
            const bool first =
                place == 0 || (F == StepFault::forgets && t == 0) || (F == StepFault::takes_one_token && t > 0);
            for (std::size_t c = 0; c < Sum::width; ++c) {
                T& sum = state.sums[n][place % Sum::tokens * Sum::width + c];
                const bool continues = F == StepFault::never_restarts ? place > 0 || sum != T(0) : !first;
                const std::size_t before = (place + Sum::tokens - 1) % Sum::tokens;
                y[row][c] = sum = (continues ? state.sums[n][before * Sum::width + c] : T(0)) + x[row][c];
            }
        }
        if (F == StepFault::writes_past) y.data()[at.rows() * Sum::width] = T(0);
        state.fed += at.tokens;
    }

private:
    static inline std::vector<T> spare;
};
template <StaticShape In, std::floating_point T>
struct PerTokenSumLayer : RunningSumLayer<In, T> {
    static constexpr nn::Steps steps{.per_token = true};
};
template <StepFault F>
struct RunningSum {
    template <StaticShape In, std::floating_point T>
    using Bind = std::conditional_t<F == StepFault::not_per_token, PerTokenSumLayer<In, T>, SteppingSumLayer<F, In, T>>;
};

template <Fault F>
std::string message() {
    return support::keeps_contract<Scale<F>, Shape<3, 2>>().message;
}
template <StepFault F>
std::string step_message() {
    return support::keeps_contract<RunningSum<F>, Shape<5, 3>>().message;
}
bool starts(const std::string& text, const std::string& with, const std::string& layer = "layer 3x2 -> 3x2: ") {
    const bool does = text.starts_with(layer + with);
    if (!does) MESSAGE(text);
    return does;
}

}  // namespace

TEST_CASE("check_layer: a layer that keeps the contract passes, and prints so") {
    const auto result = support::keeps_contract<Scale<Fault::none>, Shape<3, 2>>();
    CHECK(result);
    CHECK(result.message.empty());
}

TEST_CASE("check_layer: the result says what was not checked, so that a layer whose steps are forgotten shows") {
    CHECK(support::keeps_contract<Scale<Fault::none>, Shape<3, 2>>().not_checked == "steps (the layer has none)");
    CHECK(support::keeps_contract<RunningSum<StepFault::none>, Shape<5, 3>>().not_checked == "");
    CHECK(testing::check_layer<RunningSum<StepFault::none>, Shape<5, 3>>().not_checked == "allocation (no counter)");
    CHECK(testing::check_layer<Scale<Fault::none>, Shape<3, 2>>().not_checked ==
          "steps (the layer has none), allocation (no counter)");
}

TEST_CASE("check_layer: a batch of no samples, which would test nothing, is refused") {
    const auto message = [](const testing::LayerCheckOptions& options) {
        return testing::check_layer<Scale<Fault::none>, Shape<3, 2>>(options).message;
    };
    CHECK(message({.batch = 0}) == "layer 3x2 -> 3x2: batch: expected at least 1, got 0");
    CHECK(message({.gradient = {.batch = 0}}) == "layer 3x2 -> 3x2: gradient: batch: expected at least 1, got 0");
}

TEST_CASE("check_layer: an initialisation that does not come from the Rng is found") {
    CHECK(starts(message<Fault::init_draws_time>(), "init: params.weight[0]: expected "));
}

TEST_CASE("check_layer: two leaves of one name are found") {
    CHECK(starts(message<Fault::two_names>(), "init: weight: expected a unique name, got it twice"));
}

TEST_CASE("check_layer: a leaf that `each` does not visit is found") {
    CHECK(starts(message<Fault::forgets_leaf>(), "each: a copy of all leaves that it visits: y[0]: expected "));
}

TEST_CASE("check_layer: gradients that are wrong by 1e-5 are found, with the place") {
    CHECK(starts(message<Fault::wrong_gradient>(), "gradient: dx["));
    CHECK(starts(message<Fault::wrong_parameter_gradient>(), "gradient: grad.weight["));
    CHECK(starts(message<Fault::infinite_gradient>(), "gradient: dx: expected a finite gradient, got "));
}

TEST_CASE("check_layer: an output that is not written is found") {
    CHECK(starts(message<Fault::skips_last_output>(),
                 "forward: y[29]: expected a number, got the value from before the call"));
}

TEST_CASE("check_layer: a backward that adds to dx is found") {
    CHECK(
        starts(message<Fault::adds_to_dx>(), "backward: dx[0]: expected a number, got the value from before the call"));
}

TEST_CASE("check_layer: a backward that overwrites grad is found") {
    CHECK(starts(message<Fault::overwrites_grad>(), "backward: adds to grad: grad.weight[0]: expected 2 + "));
}

TEST_CASE("check_layer: a backward_params that differs from backward is found") {
    CHECK(starts(message<Fault::own_backward_params>(), "backward_params: grad.weight[1]: expected "));
}

TEST_CASE("check_layer: a cache whose copy is not the same is found") {
    CHECK(starts(message<Fault::forgetful_copy>(), "cache: backward with a copy: "));
}

TEST_CASE("check_layer: samples that depend on each other are found") {
    CHECK(starts(message<Fault::mixes_samples>(), "samples: the batch at once and one by one: y[6]: expected "));
}

TEST_CASE("check_layer: rounds that differ from forward are found") {
    CHECK(starts(message<Fault::other_rounds>(), "rounds: forward and a team of 1: y[25]: expected "));
}

TEST_CASE("check_layer: results that depend on the thread are found") {
    const tbb::global_control threads{tbb::global_control::max_allowed_parallelism, 3};
    const std::string text = tbb::task_arena{3}.execute([] { return message<Fault::depends_on_thread>(); });
    // Which check finds it first depends on the load of the machine.
    const bool by_team = text.starts_with("layer 3x2 -> 3x2: rounds: forward and a team of 3: y[");
    CHECK((by_team || starts(text, "threads: 1 and 2 slots: y[")));
}

TEST_CASE("check_layer: allocation after the first call is found, where there is a counter") {
    CHECK(starts(message<Fault::allocates>(),
                 "allocation: after the first call with the largest batch: expected 0, got 4"));
    CHECK(testing::check_layer<Scale<Fault::allocates>, Shape<3, 2>>());
}

TEST_CASE("check_layer: steps that differ from forward are found, with tokens, workers and the place") {
    const auto finds = [](const std::string& text, const std::string& with) {
        return starts(text, "steps: forward and " + with, "layer 5x3 -> 5x3: ");
    };
    CHECK(step_message<StepFault::none>() == "");
    CHECK(finds(step_message<StepFault::forgets>(), "1 of 5 tokens by 1 worker: y[3]: expected "));
    CHECK(finds(step_message<StepFault::takes_one_token>(), "3 of 5 tokens by 1 worker: y[3]: expected "));
    CHECK(finds(step_message<StepFault::counts_by_itself>(), "1 of 5 tokens by 1 worker, some twice: y["));
    CHECK(finds(step_message<StepFault::never_restarts>(), "1 of 5 tokens by 1 worker: y[0]: expected "));
    CHECK(finds(step_message<StepFault::writes_past>(),
                "1 of 5 tokens by 1 worker: y[15]: written, but y of this step has 15 "));
    CHECK(finds(step_message<StepFault::leaves_work>(), "1 of 5 tokens by 2 workers: y[30]: expected "));
    CHECK(finds(step_message<StepFault::not_per_token>(), "1 of 5 tokens by 1 worker: y[3]: expected "));
}

TEST_CASE("check_layer: steps that allocate are found, where there is a counter") {
    CHECK(starts(step_message<StepFault::allocates>(),
                 "steps: forward and 1 of 5 tokens by 1 worker: allocations after the first pass: expected 0, got 5",
                 "layer 5x3 -> 5x3: "));
    CHECK(testing::check_layer<RunningSum<StepFault::allocates>, Shape<5, 3>>());
}
