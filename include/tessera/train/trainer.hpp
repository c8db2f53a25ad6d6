#pragma once
// Trainer: one training step of a model; the loop over data stays in the program.
//
//     zero grad;  model.loss_and_grad(batch, part, workspace, grad);  sum over processes;  clip
//     optimizer.update(params, grad);  model.update(workspace, statistics) where the model learns without a gradient
//
// With `accumulate` n, n batches make one update. Each batch is weighted by its samples: the gradient is that of the
// mean over all samples, also where batches differ in size. steps() counts updates, batches() counts batches; a
// schedule is a function of steps().
//
// If `step` throws, model, optimiser and counters are unchanged (strong guarantee), and an accumulation starts again,
// except where the step was refused before it began: for its size or mask, or because processes differ.
//
// Clipping bounds the weight update of an outlier, a batch a million times too bright, but not the moving averages of a
// codebook, which take hundreds of steps to recover. With `reject_spikes` (or `reject_above`) such a batch is a
// NumericError before anything has learned from it. Without `accumulate`, a host that catches the error and continues
// has the bits of a run without that batch. Gradients that stay long are not outliers: the host should count errors in
// a row.
//
// Several processes (dist/communicator.hpp): each passes its own samples of the batch to step, and all end with the
// same weights. They have the bits of one process with the whole batch where the samples of each process are whole
// subtrees of the gradient's sum: all but the last ones hold the same number, 16 times a power of two
// (data::BatchOptions::ranks divides a batch like this). Reports are those of the whole batch, summed in another order:
// their last digits may differ. Where one process cannot compute its gradient, all of them throw. An error of one of
// them in `prepare` or `observe` of the model leaves the others waiting in their next exchange: the program should end
// all of them, as MPI_Abort does.
//
// A trainer is a model for io::save and io::load, and so for Checkpoints: each_state visits everything that a step
// depends on except its batch and the options. All processes have the same state: one of them saves it.
//
// Errors   NumericError where the loss or a gradient is not finite (it names the step and the tensor), or the norm is
//          rejected
//          StateError where the model was moved or destroyed since the trainer was made, or moved from before; where
//          the trainer was moved from; where another step is running; where counters from a file are out of range
//          ArgumentError where an option is out of range, the batch is empty, or processes differ in state, options,
//          shares, or in whether their batch has a mask
//          CommunicationError where another process cannot compute its gradient
// Cost     memory: the gradient once (twice with several processes), statistics, the workspace of the model
//
// Over 250 lines: the strong guarantee needs all state of a step in one place.

#include <tessera/core/batch_part.hpp>
#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/in_use.hpp>
#include <tessera/core/lifetime.hpp>
#include <tessera/core/number_text.hpp>
#include <tessera/core/option_hooks.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/require_option.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/dist/communicator.hpp>
#include <tessera/dist/self.hpp>
#include <tessera/optim/clip.hpp>
#include <tessera/optim/optimizer.hpp>
#include <tessera/train/detail/processes.hpp>
#include <tessera/train/recent_norms.hpp>
#include <tessera/train/trainable.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct TrainerOptions {
    double clip_norm = 0;      ///< the global norm of the gradient is clipped to this; 0: off
    double reject_above = 0;   ///< a longer gradient is a NumericError instead of a step; 0: off
    double reject_spikes = 0;  ///< likewise one this many times longer than usual (RecentNorms), for example 10; 0: off
    std::size_t accumulate = 1;  ///< batches that make one update
    /// Seed of the draws in training (dropout, k-means, revival); without it they come from the model's generator.
    std::optional<std::uint64_t> seed{};
};

template <Trainable Model, class Opt, dist::Communicator Comm = dist::Self>
    requires Optimizer<Opt, typename Model::Params>
class Trainer {
    // the size is that of a complete class, which the compiler has checked: a message for each hook
    static_assert(sizeof(ModelHooksAreCallable<Model>) > 0);
    static_assert(sizeof(OptimizerHooksAreCallable<Opt>) > 0);

public:
    using Report = typename Model::Report;
    using Statistics = typename detail::model_statistics<Model>::type;
    static constexpr std::string_view kind = "trainer";

    /// Keeps a pointer to the model, and owns the optimiser.
    Trainer(Model& model, Opt optimizer, TrainerOptions options = {}) requires dist::single_process<Comm>
        : Trainer(model, std::move(optimizer), options, nullptr) {}
    /// Keeps a pointer to the communicator as well.
    Trainer(Model& model, Opt optimizer, TrainerOptions options, Comm& communicator)
        : Trainer(model, std::move(optimizer), options, &communicator) {}

    /// One batch; with several processes, each passes its part. With `accumulate` n, every n-th call changes the
    /// weights.
    /// StateError while another step is running.
    Report step(typename Model::Batch batch) {
        const InUse::Guard guard{in_use_, "Trainer: step"};
        Model& model = this->model();
        prepared_ = false;
        try {
            return with_fp_environment([&] { return take_step(model, batch); });
        } catch (const NumericError& e) {
            undo_prepare(model);
            throw NumericError("Trainer: step " + std::to_string(steps()) + ": " + e.what());
        } catch (...) {
            undo_prepare(model);
            throw;
        }
    }

    /// Model, optimiser, counters, the generator, and the sums of an unfinished accumulation. A user's optimiser is
    /// included when it has a State, which is a parameter set, and state().
    /// StateError while a step is running: a part of the state would be from before it. Several threads may save at
    /// once. A program that steps in one thread and loads in another has to wait for the end of the step itself: a load
    /// of several models that is refused here may have loaded those before.
    template <class F, class... S>
    static void each_state(F&& f, S&... trainers) {
        using Guard = std::conditional_t<(std::is_const_v<S> && ...), InUse::Reading, InUse::Guard>;
        const Guard guards[] = {{trainers.in_use_, "Trainer: save or load"}...};
        static_cast<void>(guards);
        visit_state(f, trainers...);
    }
    /// The model; its metadata and settings are checked as if it were loaded by itself.
    [[nodiscard]] const Model& wrapped() const { return model(); }
    [[nodiscard]] NamedValues metadata() const {
        if constexpr (requires { optimizer_.metadata(); }) return optimizer_.metadata();
        return {};
    }
    /// The options: a file with other values is loaded when the host accepts them by name (io::LoadOptions::accept).
    [[nodiscard]] std::vector<Setting> settings() const {
        std::vector<Setting> all;
        if constexpr (requires { optimizer_.settings(); }) all = optimizer_.settings();
        all.push_back({"seed", options_.seed ? number_text(*options_.seed) : "of the model", {"trainer.rng"}});
        all.push_back({"clip_norm", number_text(options_.clip_norm)});
        all.push_back({"reject_above", number_text(options_.reject_above)});
        all.push_back({"reject_spikes", number_text(options_.reject_spikes), {"trainer.recent"}});
        all.push_back({"accumulate",
                       number_text(options_.accumulate),
                       {"trainer.held", "trainer.samples", "trainer.grad", "trainer.statistics"}});
        return all;
    }
    /// Called after a load that was allowed to leave out parts of the model.
    void fill_missing(std::span<const std::string> missing) noexcept {
        if constexpr (requires { model_->fill_missing(missing); })
            if (watch_.state() == Lifetime::State::alive) model_->fill_missing(missing);
    }
    /// Called after a load that accepted settings, also of the model, which are compared later.
    void accepted(std::span<const std::string> settings) noexcept {
        if constexpr (requires { model_->accepted(settings); })
            if (watch_.state() == Lifetime::State::alive) model_->accepted(settings);
    }
    void state_changed() {
        if constexpr (requires { model().state_changed(); }) model().state_changed();
        processes_.state_changed();
    }

    [[nodiscard]] Opt& optimizer() { return optimizer_; }
    [[nodiscard]] const Opt& optimizer() const { return optimizer_; }
    /// Updates so far.
    [[nodiscard]] std::uint64_t steps() const { return static_cast<std::uint64_t>(steps_.span()[0]); }
    /// Batches so far, including those of an accumulation that is unfinished or was ended by an error.
    [[nodiscard]] std::uint64_t batches() const { return static_cast<std::uint64_t>(batches_.span()[0]); }
    [[nodiscard]] const typename Model::Params& grad() const { return grad_; }

private:
    Trainer(Model& model, Opt optimizer, TrainerOptions options, Comm* communicator)
        : model_{&model}, watch_{model.lifetime()}, optimizer_{std::move(optimizer)}, options_{options},
          stream_{options.seed ? Rng{*options.seed} : Rng{model.rng()}}, processes_{communicator} {
        require_option(options.clip_norm >= 0, {"Trainer", "clip_norm", "a number >= 0"}, options.clip_norm);
        require_option(options.reject_above >= 0, {"Trainer", "reject_above", "a number >= 0"}, options.reject_above);
        require_option(options.reject_spikes >= 0 && !(options.reject_spikes > 0 && options.reject_spikes <= 1),
                       {"Trainer", "reject_spikes", "0 or a number > 1"}, options.reject_spikes);
        if (options.accumulate == 0) throw ArgumentError("Trainer: accumulate: expected at least 1, got 0");
        Model::Params::each(detail::CheckLeaf{}, model.params());  // StateError where it was moved from
    }

    template <class F, class... S>
    static void visit_state(F&& f, S&... trainers) {
        if constexpr (requires { Model::each_state(f, trainers.model()...); })
            Model::each_state(f, trainers.model()...);
        else
            Model::Params::each(f, trainers.model().params()...);
        if constexpr (HasOptimizerState<Opt>) Opt::State::each(f, trainers.optimizer_.state()...);
        f("trainer.steps", trainers.steps_...);
        f("trainer.batches", trainers.batches_...);
        f("trainer.held", trainers.held_...);
        const auto below = with_prefix("trainer", f);
        Rng::each_state(below, trainers.stream_...);
        const TrainerOptions& options = std::get<0>(std::tie(trainers...)).options_;
        if (options.accumulate > 1) {
            f("trainer.samples", trainers.samples_...);
            Model::Params::each(with_prefix("trainer.grad", f), trainers.grad_...);
            Statistics::each(with_prefix("trainer.statistics", f), trainers.statistics_...);
        }
        if (options.reject_spikes > 0) RecentNorms::each(with_prefix("trainer.recent", f), trainers.recent_...);
    }
    Model& model() const {
        if (watch_.state() == Lifetime::State::alive) return *model_;
        throw StateError("Trainer: the model has been " +
                         std::string{watch_.state() == Lifetime::State::moved ? "moved" : "destroyed"} +
                         " since the trainer was made: expected it to stay where it was");
    }

    Report take_step(Model& model, typename Model::Batch batch) {
        check_counters();
        const BatchPart part = part_of(batch);
        if constexpr (!dist::single_process<Comm>)
            processes_.check_same([this](auto&& f) { visit_state(f, std::as_const(*this)); }, all_settings());
        held_[0] = 0;  // after an error the accumulation starts again
        workspace_.rng = stream_.split(batches());
        prepare(model, batch, part);
        if (part.micro_batch == 0) {
            set_zero(grad_);
            set_zero(statistics_);
        }
        processes_.sum_gradients(grad_, workspace_.totals, [&](typename Model::Params& grad) {
            std::as_const(model).loss_and_grad(batch, part, workspace_, grad);
        });
        Report report = std::as_const(model).report(workspace_, part.samples);
        if (!std::isfinite(report.loss))
            throw NumericError("loss: " + expected_got("a finite number", std::to_string(report.loss)));

        const std::size_t held = part.micro_batch + 1;
        const bool last = held == options_.accumulate;
        const std::int64_t samples =
            (part.micro_batch == 0 ? 0 : samples_[1]) + static_cast<std::int64_t>(part.samples);
        if (last) {
            if (options_.accumulate > 1)
                scale_grad(grad_, static_cast<double>(part.divisor) / static_cast<double>(samples));
            report.grad_norm = options_.clip_norm > 0 ? clip_grad_norm(grad_, options_.clip_norm) : grad_norm(grad_);
            if (!std::isfinite(report.grad_norm)) throw_bad_gradient();
            refuse_outlier(report.grad_norm);
        } else if (options_.reject_above > 0 || options_.reject_spikes > 0) {
            // norm / held is that of the mean so far, whose noise is sqrt(accumulate / held) times the update's
            const double norm = grad_norm(grad_);
            if (!std::isfinite(norm)) throw_bad_gradient();
            refuse_outlier(norm / std::sqrt(static_cast<double>(held * options_.accumulate)));
        }
        observe(model, part);
        if (last) {
            optimizer_.update(model.params(), std::as_const(grad_));
            if constexpr (LearnsStatistics<Model>) model.update(workspace_, std::as_const(statistics_));
            if (options_.reject_spikes > 0) recent_.add(steps(), report.grad_norm);
            ++steps_[0];
        }
        held_[0] = static_cast<std::int64_t>(held % options_.accumulate);
        samples_[0] = static_cast<std::int64_t>(part.divisor);
        samples_[1] = samples;
        ++batches_[0];
        return report;
    }

    std::vector<Setting> all_settings() const {
        std::vector<Setting> all = settings();
        if constexpr (requires { model().settings(); })
            for (Setting& s : model().settings()) all.push_back(std::move(s));
        return all;
    }
    BatchPart part_of(const typename Model::Batch& batch) {
        bool masked = false;
        if constexpr (detail::SaysHasMask<typename Model::Batch>) masked = batch.has_mask();
        BatchPart part = processes_.part_of(batch.size(), masked);
        part.micro_batch = static_cast<std::size_t>(held_[0]);
        part.micro_batches = options_.accumulate;
        part.divisor = part.micro_batch == 0 ? part.samples : static_cast<std::size_t>(samples_[0]);
        return part;
    }
    void prepare(Model& model, typename Model::Batch batch, const BatchPart& part) {
        if constexpr (Prepares<Model>) {
            prepared_ = true;
            model.prepare(batch, part, workspace_,
                          [&processes = processes_]<class T>(std::span<const T> rows, std::vector<T>& all) {
                              return processes.gather(rows, all);
                          });
        }
    }
    // The preparation of an earlier batch of the same accumulation is kept: its step did not fail.
    void undo_prepare(Model& model) noexcept {
        if constexpr (Prepares<Model>)
            if (prepared_) model.undo_prepare(workspace_);
    }
    void observe(const Model& model, const BatchPart& part) {
        if constexpr (LearnsStatistics<Model>)
            processes_.continue_sums(statistics_, [&] { model.observe(workspace_, part, statistics_); });
    }

    // Counters may come from a file. span() throws StateError where the trainer itself was moved from.
    void check_counters() const {
        static_cast<void>(steps_.span());
        if (steps_[0] < 0 || held_[0] < 0 || static_cast<std::uint64_t>(held_[0]) >= options_.accumulate)
            throw StateError("counters: expected steps of at least 0 and less than " +
                             std::to_string(options_.accumulate) + " batches held, got " + std::to_string(steps_[0]) +
                             " and " + std::to_string(held_[0]));
        if (batches_[0] < 0)
            throw StateError("counters: batches: " + expected_got("at least 0", std::to_string(batches_[0])));
        if (held_[0] > 0 && (samples_[0] < 1 || samples_[1] < 1))
            throw StateError("counters: samples of the batches held: " +
                             expected_got("at least 1", std::to_string((std::min)(samples_[0], samples_[1]))));
        const auto check_exact = [](const char* name, std::int64_t n) {  // room to count on, and exact in double
            if (n >= std::int64_t{1} << 53)
                throw StateError(std::string{"counters: "} + name + ": " +
                                 expected_got("less than 2^53", std::to_string(n)));
        };
        check_exact("steps", steps_[0]);
        check_exact("batches", batches_[0]);
        check_exact("samples of the batches held", (std::max)(samples_[0], samples_[1]));
    }
    void refuse_outlier(double norm) const {
        const double usual = options_.reject_spikes > 0 ? recent_.median() : 0;
        if (options_.reject_above > 0 && !(norm <= options_.reject_above))
            refuse_norm(number_text(options_.reject_above), norm);
        if (usual > 0 && !(norm <= options_.reject_spikes * usual))
            refuse_norm(number_text(options_.reject_spikes) + " times the usual " + number_text(usual), norm);
    }
    [[gnu::__noreturn__]] static void refuse_norm(const std::string& most, double norm) {
        throw NumericError("gradient: norm: " + expected_got("at most " + most, number_text(norm)));
    }
    [[gnu::__noreturn__]] void throw_bad_gradient() const {
        const auto bad = first_non_finite(grad_);
        throw NumericError("gradient of " +
                           (bad ? bad->path + "[" + std::to_string(bad->index) + "]" : "all weights together") +
                           ": expected finite numbers");
    }

    Model* model_;
    Lifetime::Watch watch_;
    Opt optimizer_;
    TrainerOptions options_;
    Rng stream_;  // the random stream of training
    detail::Processes<Comm, typename Model::Params> processes_;
    bool prepared_ = false;  // the model has prepared for the batch of this step
    typename Model::Workspace workspace_{};
    typename Model::Params grad_{};
    Statistics statistics_{};
    Param<std::int64_t, Shape<1>> steps_;
    Param<std::int64_t, Shape<1>> batches_;
    Param<std::int64_t, Shape<1>> held_;     // batches that are summed in grad_
    Param<std::int64_t, Shape<2>> samples_;  // of the first batch in grad_, and of all
    RecentNorms recent_;                     // only with reject_spikes
    mutable InUse in_use_;
};

}  // namespace tessera
