#include <tessera/testing/loss_check.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <tessera/loss/gaussian_nll.hpp>
#include <tessera/loss/mse.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

using namespace tessera;

namespace loss_check_test {

namespace {

enum class Fault {
    none,
    init_draws_time,
    forgets_leaf,
    skips_last,
    adds_to_dy,
    loss_of_another,
    overwrites_grad,
    writes_before_reading,
    mixes_samples,
    mean_of_block,
    hides_nan,
    hides_nan_of_target,
    allocates,
    gradient,
    gradient_of_variance,
    ignores_scale,
    refuses_its_default,
    settings_draw,
    key_twice,
    gradient_of_large_eps,
};

std::size_t calls = 0;

/// A GaussianNll with one mistake.
template <Fault F, StaticShape In, std::floating_point T>
struct FaultyLoss : GaussianNllLoss<In, T> {
    using Base = GaussianNllLoss<In, T>;
    using typename Base::Buffers;
    using typename Base::Cache;
    using typename Base::Packed;
    static constexpr std::string_view name = "Faulty";
    using Rows = View<const T, In>;
    struct Params : Base::Params {
        template <class V, class... P>
        static void each(V&& f, P&... p) {
            if (F != Fault::forgets_leaf) Base::Params::each(f, p...);
        }
    };
    struct Options {  // another type for float than for double
        double eps = 1e-6;
    };

    static void check_options(const Options& o) {
        Base::check_options({o.eps});
        if (F == Fault::refuses_its_default && o.eps < 1e-3) throw ArgumentError("Faulty: eps");
    }
    static std::vector<Setting> settings(const Options& o) {
        std::vector<Setting> all = Base::settings({o.eps});
        if (F == Fault::settings_draw) all[0].value = std::to_string(++calls);
        if (F == Fault::key_twice) all.push_back(all[0]);
        return all;
    }
    static void pack(const Params& p, const Buffers& b, const Options& o, Packed& w) { Base::pack(p, b, {o.eps}, w); }
    static void init(Params& p, Buffers& b, Rng& rng) {
        Base::init(p, b, rng);
        if (F == Fault::forgets_leaf) p.log_variance[0] = static_cast<T>(rng.uniform());
        if (F == Fault::init_draws_time) p.log_variance[0] = static_cast<T>(++calls);
    }
    static double loss(const Packed& w, Rows y, Rows target, Cache& c) {
        double sum = Base::loss(w, y, target, c);
        if (F == Fault::loss_of_another) sum = std::nextafter(sum, 1e9);
        if (F == Fault::mean_of_block) sum /= static_cast<double>(y.batch());
        if (F == Fault::hides_nan && std::isnan(y.data()[1])) sum = 1;
        if (F == Fault::hides_nan_of_target && std::isnan(target.data()[1])) sum = 1;
        return sum;
    }
    static double loss_and_grad(const Packed& w, Rows y, Rows target, View<T, In> dy, Cache& c, Params& grad, T scale) {
        if (F == Fault::allocates) std::vector<T>(y.batch()).swap(spare);
        if (F == Fault::writes_before_reading) std::ranges::fill(dy.span(), T(0));
        const double sum = loss(w, y, target, c);
        const T last = dy.data()[dy.elements() - 1], first = dy.data()[0];
        static thread_local Params own;
        set_zero(own);
        const T used = F == Fault::ignores_scale ? T(1) : scale;
        Base::loss_and_grad(w, y, target, dy, c, own, used);
        if (F == Fault::skips_last) dy.data()[dy.elements() - 1] = last;
        if (F == Fault::adds_to_dy) dy.data()[0] += first;
        if (F == Fault::mixes_samples)
            for (std::size_t n = 1; n < dy.batch(); ++n) dy[n][0] = dy[0][0];
        if (F == Fault::gradient || (F == Fault::gradient_of_large_eps && w.variance > w.learned + 0.1))
            for (T& v : dy.span()) v *= T(1.00001);
        if (F == Fault::gradient_of_variance) own.log_variance[0] *= T(1.00001);
        grad.log_variance[0] =
            F == Fault::overwrites_grad ? own.log_variance[0] : grad.log_variance[0] + own.log_variance[0];
        return F == Fault::loss_of_another ? std::nextafter(sum, -1e9) : sum;
    }

private:
    static inline thread_local std::vector<T> spare;
};
template <Fault F>
struct Faulty {
    template <StaticShape In, std::floating_point T>
    using Bind = FaultyLoss<F, In, T>;
};

/// An Mse that says it is zero at the target, and is not.
enum class Rest { of_sum, of_dy };
template <Rest R, StaticShape In, std::floating_point T>
struct RestingLoss : MseLoss<In, T> {
    using Base = MseLoss<In, T>;
    using Rows = View<const T, In>;
    static constexpr std::string_view name = "Resting";
    static double loss(const Empty& w, Rows y, Rows target, Empty& c) {
        return Base::loss(w, y, target, c) + (R == Rest::of_sum ? 0.5 * static_cast<double>(y.batch()) : 0);
    }
    static double loss_and_grad(const Empty& w, Rows y, Rows target, View<T, In> dy, Empty& c, Empty& g, T scale) {
        const double sum = loss(w, y, target, c);
        static_cast<void>(Base::loss_and_grad(w, y, target, dy, c, g, scale));
        if (R == Rest::of_dy)
            for (std::size_t n = 0; n < dy.batch(); ++n) dy[n][1] += T(0.5);
        return sum;
    }
};
template <Rest R>
struct Resting {
    template <StaticShape In, std::floating_point T>
    using Bind = RestingLoss<R, In, T>;
};

struct Nameless {
    using Input = Shape<3, 4>;
};

template <Fault F>
bool starts(const std::string& with) {
    const std::string text = support::keeps_loss_contract<Faulty<F>, Shape<2, 3, 2>>().message;
    const bool does = text.starts_with("Faulty: " + with);
    if (!does) MESSAGE(text);
    return does;
}

}  // namespace

TEST_CASE("check_loss: losses that keep the contract pass") {
    CHECK(support::keeps_loss_contract<Faulty<Fault::none>, Shape<2, 3, 2>>());
    CHECK(testing::check_loss<Mse, Shape<4>>({.batch = 3, .seed = 8}));
}

TEST_CASE("check_loss: initialisation that does not come from the Rng is found") {
    CHECK(starts<Fault::init_draws_time>("init: params.log_variance[0]: expected "));
}

TEST_CASE("check_loss: a leaf that `each` does not visit is found") {
    CHECK(starts<Fault::forgets_leaf>("each: a copy of all leaves that it visits: loss: expected "));
}

TEST_CASE("check_loss: a dy that is not written, or added to, is found") {
    CHECK(starts<Fault::skips_last>("dy[59]: expected a number, got the value from before the call"));
    CHECK(starts<Fault::adds_to_dy>("dy[0]: expected a number, got the value from before the call"));
}

TEST_CASE("check_loss: a loss that differs from that of loss_and_grad in one bit is found") {
    CHECK(starts<Fault::loss_of_another>("loss and loss_and_grad: expected "));
}

TEST_CASE("check_loss: a grad that is overwritten is found") {
    CHECK(starts<Fault::overwrites_grad>("adds to grad: log_variance[0]: expected "));
}

TEST_CASE("check_loss: a dy that is written before y in its memory is read is found") {
    CHECK(starts<Fault::writes_before_reading>("dy in the memory of y: dy[0]: expected "));
}

TEST_CASE("check_loss: samples that depend on others, and losses that are not sums, are found") {
    CHECK(starts<Fault::mixes_samples>("samples: the batch at once and one by one: dy[12]: expected "));
    CHECK(starts<Fault::mean_of_block>("sum of the samples' losses: expected "));
}

TEST_CASE("check_loss: a NaN that the loss hides is found") {
    CHECK(starts<Fault::hides_nan>("NaN in y: expected nan, got 1"));
    CHECK(starts<Fault::hides_nan_of_target>("NaN in the target: expected nan, got 1"));
}

TEST_CASE("check_loss: a loss that is not zero at the target, although it says so, is found") {
    CHECK(support::keeps_loss_contract<Resting<Rest::of_sum>, Shape<2, 3>>().message ==
          "Resting: zero_at_target: sum: expected 0, got 2.5");
    CHECK(support::keeps_loss_contract<Resting<Rest::of_dy>, Shape<2, 3>>().message ==
          "Resting: zero_at_target: dy[1]: expected 0, got 0.5");
}

TEST_CASE("check_loss: memory that is allocated in each call is found, where the program counts") {
    CHECK(starts<Fault::allocates>("allocation: after the first call with the largest batch: expected 0, got "));
    CHECK(testing::check_loss<Faulty<Fault::allocates>, Shape<2, 3, 2>>());
}

TEST_CASE("check_loss: a counter that does not see every form of operator new is refused") {
    const auto with = [](std::size_t (*counter)()) {
        return testing::check_loss<Mse, Shape<4>>({.allocations = counter}).message;
    };
    CHECK(with([] { return std::size_t{0}; })
              .ends_with(
                  ": allocation: the counter of this program does not see operator new: see testing/allocations.hpp"));
    // sees the first allocation, which is of the plain form, and no other
    static std::size_t asked = 0;
    CHECK(with([] { return asked++ == 0 ? std::size_t{0} : std::size_t{1}; })
              .ends_with(": allocation: the counter of this program does not see operator new with an alignment, which "
                         "the library's "
                         "buffers call: see testing/allocations.hpp"));
}

TEST_CASE("check_loss: gradients that are wrong by a small factor, or without the scale, are found") {
    CHECK(starts<Fault::gradient>("gradient: dy["));
    CHECK(starts<Fault::gradient_of_variance>("gradient: grad.log_variance[0]: expected "));
    CHECK(starts<Fault::ignores_scale>("gradient: dy["));
}

TEST_CASE("check_loss: options are those of the second argument") {
    using Large = Faulty<Fault::gradient_of_large_eps>;
    const auto large = [](auto& options) { options.eps = 0.5; };
    CHECK(support::keeps_loss_contract<Large, Shape<2, 3, 2>>());
    CHECK(support::keeps_loss_contract<Large, Shape<2, 3, 2>>({}, large).message.starts_with("Faulty: gradient: dy["));
    CHECK(support::keeps_loss_contract<Faulty<Fault::none>, Shape<2, 3, 2>>({}, large));
    CHECK(testing::check_loss<GaussianNll, Shape<4>>({}, {.eps = 0.5}));
    CHECK(testing::check_loss<GaussianNll, Shape<4>>({}, {.eps = -1}).message ==
          "GaussianNll: check_options: expected that it accepts the options of this check, got GaussianNll: eps: "
          "expected a finite number > 0, got -1");
}

TEST_CASE("check_loss: options that are refused, settings that change and a key that is there twice are found") {
    CHECK(starts<Fault::refuses_its_default>("check_options: expected that it accepts the options of this check, got "
                                             "Faulty: eps"));
    CHECK(starts<Fault::settings_draw>("settings: expected the same for the same options, got others"));
    CHECK(starts<Fault::key_twice>("settings: key \"eps\": expected it once in settings and metadata together, got it "
                                   "twice"));
}

TEST_CASE("check_loss: a batch of one element is checked, one of no samples is refused") {
    CHECK(testing::check_loss<Mse, Shape<1>>({.batch = 1}));
    CHECK(testing::check_loss<Mse, Shape<1>>({.batch = 0}).message == "Mse: batch: expected at least 1, got 0");
}

TEST_CASE("check_loss: the result says what was not checked") {
    CHECK(testing::check_loss<Mse, Shape<4>>().not_checked == "allocation (no counter)");
    CHECK(support::keeps_loss_contract<Mse, Shape<4>>().not_checked == "");
}

TEST_CASE("check_loss: a loss without a name is named by its shape") {
    CHECK(testing::detail::loss_name<Nameless>() == "loss of 3x4");
}

}  // namespace loss_check_test
