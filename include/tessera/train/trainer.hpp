#pragma once
// Trainer: one optimisation step of a model, and no more; the loop is yours.
//
//     zero grad;  report = model.loss_and_grad(batch, workspace, grad);  clip;  optimizer.update(params, grad);
//     model.update_buffers(workspace) where the model has buffers
//
// Whoever needs another order writes these calls himself. A loss or a gradient that is not finite is a NumericError
// that names the step and the tensor; the weights are then untouched, and an accumulation begins again.

#include <tessera/core/error.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/kernel/denormals.hpp>
#include <tessera/optim/clip.hpp>
#include <tessera/optim/optimizer.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

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
    std::size_t accumulate = 1;  ///< batches whose mean gradient makes one update
    std::uint64_t seed = 0;      ///< of dropout and revival
};

template <Trainable Model, class Opt>
    requires Optimizer<Opt, typename Model::Params>
class Trainer {
public:
    using Report = typename Model::Report;

    /// Holds on to the model; takes the optimiser.
    Trainer(Model& model, Opt optimizer, TrainerOptions options = {})
        : model_{&model}, optimizer_{std::move(optimizer)}, options_{options} {
        if (!(options.clip_norm >= 0))
            throw ArgumentError("Trainer: clip_norm: " +
                                expected_got("a number >= 0", std::to_string(options.clip_norm)));
        if (options.accumulate == 0) throw ArgumentError("Trainer: accumulate: expected at least 1, got 0");
    }

    /// One batch. With `accumulate` n, weights change with every n-th.
    Report step(typename Model::Batch batch) {
        try {
            return take_step(batch);
        } catch (const NumericError& e) {
            throw NumericError("Trainer: step " + std::to_string(steps_) + ": " + e.what());
        }
    }

    Opt& optimizer() { return optimizer_; }
    const Opt& optimizer() const { return optimizer_; }
    std::uint64_t steps() const { return steps_; }
    const typename Model::Params& grad() const { return grad_; }

private:
    Report take_step(typename Model::Batch batch) {
        const kernel::FlushDenormals guard;
        workspace_.rng = Rng{options_.seed}.split(steps_);
        if constexpr (requires { model_->prepare(batch, workspace_); }) model_->prepare(batch, workspace_);
        if (held_ == 0) set_zero(grad_);
        const std::size_t held = std::exchange(held_, 0) + 1;  // after an error the sum begins again
        Report report = std::as_const(*model_).loss_and_grad(batch, workspace_, grad_);
        if (!std::isfinite(report.loss))
            throw NumericError("loss: " + expected_got("a finite number", std::to_string(report.loss)));
        if (held == options_.accumulate) {
            if (options_.accumulate > 1) scale_grad(1.0 / static_cast<double>(options_.accumulate));
            report.grad_norm = options_.clip_norm > 0 ? clip_grad_norm(grad_, options_.clip_norm) : grad_norm(grad_);
            if (!std::isfinite(report.grad_norm)) throw_bad_gradient();
            optimizer_.update(model_->params(), std::as_const(grad_));
        }
        if constexpr (requires { model_->update_buffers(workspace_); }) model_->update_buffers(workspace_);
        held_ = held % options_.accumulate;
        ++steps_;
        return report;
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
    std::uint64_t steps_ = 0;
    std::size_t held_ = 0;  // batches whose gradient grad_ holds
};

}  // namespace tessera
