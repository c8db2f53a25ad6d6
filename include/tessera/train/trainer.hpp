#pragma once
// Trainer: one optimisation step of a model, and no more; the loop is yours.
//
//     zero grad;  report = model.loss_and_grad(batch, workspace, grad);  clip;  optimizer.update(params, grad);
//     model.update_buffers(workspace) where the model has buffers
//
// Whoever needs another order writes these calls himself. A loss or a gradient that is not finite is a NumericError
// that names the step and the tensor. Whatever a step throws, the model, the optimiser and the count of steps are then
// as they were before it, and an accumulation begins again.
//
// An outlier among the batches, a million times too bright, costs clipped weights one step, but it moves the codes of a
// VqVae, and they need hundreds of steps to come back. With `reject_spikes` (or `reject_above`) it is a NumericError
// before anything has learned from it; a host that catches it and goes on has the bits of a run without that batch.
// Gradients that stay long are no outliers: a host counts the errors in a row.
//
// A trainer is a model for io::save and io::load, and so for Checkpoints: each_state is all that a step depends on
// beside its batch and the options.

#include <tessera/core/error.hpp>
#include <tessera/core/in_use.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/kernel/denormals.hpp>
#include <tessera/optim/clip.hpp>
#include <tessera/optim/detail/option.hpp>
#include <tessera/optim/optimizer.hpp>
#include <tessera/train/recent_norms.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// A model that a Trainer can take a step of. Not weaker, because these calls are the step; not stronger, because
/// nothing is said about what the model learns: buffers and a first look at the data are optional.
template <class M>
concept Trainable = Parameters<typename M::Params> && std::default_initializable<typename M::Workspace> &&
                    requires(M& model, const M& frozen, typename M::Batch batch, typename M::Workspace& workspace,
                             typename M::Params& grad) {
                        { model.params() } -> std::same_as<typename M::Params&>;
                        { frozen.loss_and_grad(batch, workspace, grad) } -> std::same_as<typename M::Report>;
                        { workspace.rng } -> std::convertible_to<Rng>;
                    };

struct TrainerOptions {
    double clip_norm = 0;        ///< global norm of the gradient is cut to this; 0: off
    double reject_above = 0;     ///< a longer gradient is a NumericError, and no step; 0: off
    double reject_spikes = 0;    ///< so is one that is so many times longer than usual (RecentNorms), say 10; 0: off
    std::size_t accumulate = 1;  ///< batches whose mean gradient makes one update
    std::uint64_t seed = 0;      ///< of dropout and revival
};

template <Trainable Model, class Opt>
    requires Optimizer<Opt, typename Model::Params>
class Trainer {
public:
    using Report = typename Model::Report;
    static constexpr std::string_view kind = "trainer";

    /// Holds on to the model; takes the optimiser.
    Trainer(Model& model, Opt optimizer, TrainerOptions options = {})
        : model_{&model}, optimizer_{std::move(optimizer)}, options_{options} {
        if (!(options.clip_norm >= 0))
            throw ArgumentError("Trainer: clip_norm: " +
                                expected_got("a number >= 0", std::to_string(options.clip_norm)));
        detail::check_option(options.reject_above >= 0, "Trainer", "reject_above", "a number >= 0",
                             options.reject_above);
        detail::check_option(options.reject_spikes == 0 || options.reject_spikes > 1, "Trainer", "reject_spikes",
                             "0 or a number > 1", options.reject_spikes);
        if (options.accumulate == 0) throw ArgumentError("Trainer: accumulate: expected at least 1, got 0");
    }

    /// One batch. With `accumulate` n, weights change with every n-th. StateError while another step is taken.
    Report step(typename Model::Batch batch) {
        const InUse::Guard guard{in_use_, "Trainer"};
        try {
            return kernel::in_own_mode([&] { return take_step(batch); });
        } catch (const NumericError& e) {
            undo_prepare();
            throw NumericError("Trainer: step " + std::to_string(steps()) + ": " + e.what());
        } catch (...) {
            undo_prepare();
            throw;
        }
    }

    /// Model, optimiser, counts and the sum of an accumulation under way. An optimiser of the user's takes part when it
    /// has a State, a parameter set, and state().
    template <class F, class... S>
    static void each_state(F&& f, S&... trainers) {
        if constexpr (requires { Model::each_state(f, *trainers.model_...); })
            Model::each_state(f, *trainers.model_...);
        else
            Model::Params::each(f, trainers.model_->params()...);
        if constexpr (requires { typename Opt::State; }) Opt::State::each(f, trainers.optimizer_.state()...);
        f("trainer.steps", trainers.steps_...);
        f("trainer.held", trainers.held_...);
        if (std::get<0>(std::tie(trainers...)).options_.accumulate > 1)
            Model::Params::each(under("trainer.grad", f), trainers.grad_...);
        if (std::get<0>(std::tie(trainers...)).options_.reject_spikes > 0)
            RecentNorms::each(under("trainer.recent", f), trainers.recent_...);
    }
    /// The model, whose metadata and settings count like those of a model that is loaded by itself.
    const Model& wrapped() const { return *model_; }
    std::vector<std::pair<std::string, std::string>> metadata() const {
        if constexpr (requires { optimizer_.metadata(); }) return optimizer_.metadata();
        return {};
    }
    /// The options: a file of other ones is loaded when the host accepts them by name (io::LoadOptions::accept).
    std::vector<Setting> settings() const {
        std::vector<Setting> all;
        if constexpr (requires { optimizer_.settings(); }) all = optimizer_.settings();
        all.push_back({"seed", detail::number_text(options_.seed)});
        all.push_back({"clip_norm", detail::number_text(options_.clip_norm)});
        all.push_back({"reject_above", detail::number_text(options_.reject_above)});
        all.push_back({"reject_spikes", detail::number_text(options_.reject_spikes), {"trainer.recent"}});
        all.push_back({"accumulate", detail::number_text(options_.accumulate), {"trainer.held", "trainer.grad"}});
        return all;
    }
    /// After a load that was allowed to leave some of the model out.
    void complete(std::span<const std::string> missing) noexcept {
        if constexpr (requires { model_->complete(missing); }) model_->complete(missing);
    }
    void state_changed() {
        if constexpr (requires { model_->state_changed(); }) model_->state_changed();
    }

    Opt& optimizer() { return optimizer_; }
    const Opt& optimizer() const { return optimizer_; }
    std::uint64_t steps() const { return static_cast<std::uint64_t>(steps_[0]); }
    const typename Model::Params& grad() const { return grad_; }

private:
    Report take_step(typename Model::Batch batch) {
        check_counters();
        workspace_.rng = Rng{options_.seed}.split(steps());
        if constexpr (requires { model_->prepare(batch, workspace_); }) model_->prepare(batch, workspace_);
        if (held_[0] == 0) set_zero(grad_);
        const auto held = static_cast<std::size_t>(std::exchange(held_[0], 0)) + 1;  // after an error it begins again
        Report report = std::as_const(*model_).loss_and_grad(batch, workspace_, grad_);
        if (!std::isfinite(report.loss))
            throw NumericError("loss: " + expected_got("a finite number", std::to_string(report.loss)));
        if (held == options_.accumulate) {
            if (options_.accumulate > 1) scale_grad(1.0 / static_cast<double>(options_.accumulate));
            report.grad_norm = options_.clip_norm > 0 ? clip_grad_norm(grad_, options_.clip_norm) : grad_norm(grad_);
            if (!std::isfinite(report.grad_norm)) throw_bad_gradient();
            refuse_outlier(report.grad_norm);
            optimizer_.update(model_->params(), std::as_const(grad_));
        } else if (options_.reject_above > 0 || options_.reject_spikes > 0) {
            // buffers learn from each batch; the mean of few is noisier than that of all by the root of their ratio
            const double norm = grad_norm(grad_);
            if (!std::isfinite(norm)) throw_bad_gradient();
            refuse_outlier(norm / std::sqrt(static_cast<double>(held * options_.accumulate)));
        }
        if constexpr (requires { model_->update_buffers(workspace_); }) model_->update_buffers(workspace_);
        if (options_.reject_spikes > 0 && held == options_.accumulate)
            recent_.add(steps() / options_.accumulate, report.grad_norm);
        held_[0] = static_cast<std::int64_t>(held % options_.accumulate);
        ++steps_[0];
        return report;
    }
    // They may come from a file.
    void check_counters() const {
        if (steps_[0] < 0 || held_[0] < 0 || static_cast<std::uint64_t>(held_[0]) >= options_.accumulate)
            throw StateError("counters: expected steps of at least 0 and less than " +
                             std::to_string(options_.accumulate) + " batches held, got " + std::to_string(steps_[0]) +
                             " and " + std::to_string(held_[0]));
    }
    void refuse_outlier(double norm) const {
        const double usual = options_.reject_spikes > 0 ? recent_.usual() : 0;
        if (options_.reject_above > 0 && !(norm <= options_.reject_above))
            refuse_norm(detail::number_text(options_.reject_above), norm);
        if (usual > 0 && !(norm <= options_.reject_spikes * usual))
            refuse_norm(detail::number_text(options_.reject_spikes) + " times the usual " + detail::number_text(usual),
                        norm);
    }
    [[noreturn]] static void refuse_norm(const std::string& most, double norm) {
        throw NumericError("gradient: norm: " + expected_got("at most " + most, detail::number_text(norm)));
    }
    void undo_prepare() noexcept {
        if constexpr (requires { model_->undo_prepare(workspace_); }) model_->undo_prepare(workspace_);
    }
    void scale_grad(double factor) {
        Model::Params::each(
            [&]<class Leaf>(const Path&, Leaf& g) {
                kernel::scale<typename Leaf::Scalar>(static_cast<typename Leaf::Scalar>(factor), g.span());
            },
            grad_);
    }
    [[noreturn]] void throw_bad_gradient() const {
        const auto bad = first_non_finite(grad_);
        throw NumericError("gradient of " +
                           (bad ? bad->path + "[" + std::to_string(bad->index) + "]" : "all weights together") +
                           ": expected finite numbers");
    }

    Model* model_;
    Opt optimizer_;
    TrainerOptions options_;
    typename Model::Workspace workspace_{};
    typename Model::Params grad_{};
    Param<std::int64_t, Shape<1>> steps_;
    Param<std::int64_t, Shape<1>> held_;  // batches whose gradient grad_ holds
    RecentNorms recent_;                  // only with reject_spikes
    InUse in_use_;
};

}  // namespace tessera
