#include <tessera/testing/quantizer_check.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <tessera/testing/smooth_quantizer.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/lfq.hpp>
#include <tessera/vq/residual_vq.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

using namespace tessera;

namespace quantizer_check_test {

namespace {

enum class Fault {
    none,
    init_draws_time,
    two_names,
    forgets_leaf,
    token_out_of_range,
    skips_last_output,
    lookup_one_bit,
    lookup_one_bit_after_initialization,
    encode_rows_of_another,
    lookup_mixes_samples,
    lookup_ignores_absence,
    draws_by_place_in_block,
    tokens_by_place_in_block,
    gradient_of_another_sample,
    backward_adds,
    backward_ignores_absence,
    regularize_overwrites,
    regularize_ignores_absence,
    terms_ignore_absence,
    terms_scaled,
    terms_mean_of_block,
    gradient_ignores_divisor,
    gradient_of_terms_wrong,
    observe_overwrites,
    observe_in_order_of_call,
    observe_shows_part_once,
    observe_ignores_absence,
    observe_ignores_first,
    update_counts_calls,
    update_divides_by_rows,
    allocates,
    accepts_nan,
    accepts_nan_in_evaluation,
    throws_another_type,
    nan_stays_in_cache,
    encode_rows_of_nan,
    encode_rows_stops_at_nan,
    refuses_its_default,
    settings_draw,
    key_of_vq_vae,
    key_is_empty,
    key_twice,
    key_of_metadata,
    gradient_of_large_commitment,
};

std::size_t calls = 0;

constexpr std::size_t book_size = 6;

/// A Codebook with one mistake.
template <Fault F, StaticShape In, std::floating_point T>
struct FaultyQuantizer : CodebookQuantizer<In, book_size, T> {
    using Base = CodebookQuantizer<In, book_size, T>;
    using typename Base::Cache;
    using typename Base::Options;
    using typename Base::Packed;
    using typename Base::Params;
    using typename Base::Statistics;
    using typename Base::Terms;
    static constexpr std::string_view name = "Faulty";
    static constexpr std::size_t width = Base::width, row = Base::tokens;
    using Tokens = Shape<row>;

    struct Buffers : Base::Buffers {
        Param<T, Shape<1>> other;

        template <class V, class... B>
        static void each(V&& f, B&... b) {
            if (F != Fault::forgets_leaf) Base::Buffers::each(f, b...);
            f(F == Fault::two_names ? "codebook" : "other", b.other...);
            if (F == Fault::two_names) {
                f("other", b.other...);
                f("other", b.other...);
            }
        }
    };

    static void check_options(const Options& o) {
        Base::check_options(o);
        if (F == Fault::refuses_its_default && o.commitment < 0.5f) throw ArgumentError("Faulty: commitment");
    }
    static std::vector<Setting> settings(const Options& o) {
        std::vector<Setting> all = Base::settings(o);
        if (F == Fault::settings_draw) all[0].value = std::to_string(++calls);
        if (F == Fault::key_of_vq_vae) all.push_back({"tokens", "1"});
        if (F == Fault::key_is_empty) all.push_back({"", "1"});
        if (F == Fault::key_twice) all.push_back(all[0]);
        return all;
    }
    static NamedValues metadata() {
        if (F == Fault::key_of_metadata) return {{"commitment", "1"}};
        return {};
    }

    static void init(Params& p, Buffers& b, Rng& rng) {
        Base::init(p, b, rng);
        if (F == Fault::init_draws_time) b.book.weight[0] = static_cast<T>(++calls);
    }
    static void pack(const Params& p, const Buffers& b, const Options& o, Packed& w) { Base::pack(p, b, o, w); }
    static void forward(const Packed& w, const nn::Pass& pass, View<const T, In> z, View<Token, Tokens> out,
                        View<T, In> q, Cache& c) {
        if (F == Fault::allocates) std::vector<T>(z.batch()).swap(spare);
        Tensor<T, In> before{F == Fault::skips_last_output ? z.batch() : 0};
        if (F == Fault::skips_last_output) std::copy_n(q.data(), q.elements(), before.data());
        Tensor<T, In> finite{accepts_nan(pass) ? z.batch() : 0};
        for (std::size_t i = 0; i < finite.span().size(); ++i)
            finite.data()[i] = std::isnan(z.data()[i]) ? T(0) : z.data()[i];
        try {
            Base::forward(w, pass, accepts_nan(pass) ? View<const T, In>{finite} : z, out, q, c);
        } catch (const NumericError& e) {
            if (F == Fault::throws_another_type) throw ArgumentError(e.what());
            spoilt = true;
            throw;
        }
        if (F == Fault::nan_stays_in_cache && std::exchange(spoilt, false)) q.data()[7] += T(1);
        if (F == Fault::skips_last_output) q.data()[q.elements() - 1] = before.data()[q.elements() - 1];
        if (F == Fault::token_out_of_range) out.data()[1] = book_size;
        if (F == Fault::draws_by_place_in_block && pass.training)
            for (std::size_t n = 0; n < z.batch(); ++n) q[n][0] += T(pass.rng.split(n).uniform());
        if (F == Fault::tokens_by_place_in_block && pass.training)
            for (std::size_t n = 1; n < z.batch(); ++n) out[n][0] = (out[n][0] + 1) % book_size;
    }
    static void lookup(const Packed& w, View<const Token, Tokens> in, View<T, In> q, Cache& c) {
        Base::lookup(w, in, q, c);
        if (q.elements() == 0) return;
        T& v = q.data()[q.elements() - 1];
        if (F == Fault::lookup_one_bit) v = std::nextafter(v, T(9));
        // N(0, 1) after init, and a mean of rows after initialize_from_data
        if (F == Fault::lookup_one_bit_after_initialization && w.codes.weight[0] == T(4)) v = std::nextafter(v, T(9));
        if (F == Fault::lookup_mixes_samples)
            for (std::size_t n = 1; n < in.batch(); ++n) q[n][0] = q[0][0];
        if (F == Fault::lookup_ignores_absence)
            for (std::size_t m = 0; m < in.elements(); ++m)
                if (in.data()[m] == no_token) std::copy_n(w.codes.weight.data(), width, q.data() + m * width);
    }
    static void initialize_from_data(Params& p, Buffers& b, View<const T, In> z, const Options& o, Rng rng) {
        Base::initialize_from_data(p, b, z, o, rng);
        if (F == Fault::lookup_one_bit_after_initialization) b.book.weight[0] = T(4);
    }
    static void encode_rows(const Packed& w, View<const T, In> z, View<Token, Tokens> out, std::size_t first,
                            std::size_t last) {
        Base::encode_rows(w, z, out, first, last);
        for (std::size_t n = first; n < last; ++n) {
            if (F == Fault::encode_rows_of_nan && out.data()[n] == no_token) out.data()[n] = 0;
            if (F == Fault::encode_rows_stops_at_nan && n > first && out.data()[n - 1] == no_token)
                out.data()[n] = no_token;
        }
        if (F == Fault::encode_rows_of_another && first == 4) out.data()[first] = out.data()[0];
        if (F == Fault::encode_rows_of_another && first == 4) out.data()[first] = (out.data()[first] + 1) % book_size;
    }
    static void backward(const Packed& w, View<const T, In> z, View<const Token, Tokens> in, View<const T, In> q,
                         View<const T, In> dq, View<T, In> dz, Cache& c, Params& grad) {
        if (F == Fault::backward_adds) {
            for (std::size_t i = 0; i < dz.elements(); ++i) dz.data()[i] += dq.data()[i];
            return;
        }
        Base::backward(w, z, in, q, dq, dz, c, grad);
        if (F == Fault::backward_ignores_absence) std::ranges::copy(dq.span(), dz.data());
        if (F == Fault::gradient_of_another_sample)
            for (std::size_t n = 1; n < z.batch(); ++n) dz[n][0] = dq[n - 1][0];
    }
    static Terms regularize(const Packed& w, View<const T, In> z, View<const Token, Tokens> in, View<const T, In> q,
                            View<T, In> dz, Cache& c, Params& grad, double divisor) {
        if (F == Fault::regularize_overwrites) std::ranges::fill(dz.span(), T(0));
        if (F == Fault::regularize_ignores_absence)
            for (std::size_t i = 0; i < dz.elements(); ++i)
                if (in.data()[i / width] == no_token) dz.data()[i] += T(1e-3) * z.data()[i];
        if (F == Fault::gradient_ignores_divisor) {
            Terms terms = Base::regularize(w, z, in, q, dz, c, grad, 1);
            return terms;
        }
        const bool wrong =
            F == Fault::gradient_of_terms_wrong || (F == Fault::gradient_of_large_commitment && w.commitment > T(0.5));
        Terms terms = Base::regularize(w, z, in, q, dz, c, grad, wrong ? divisor * 1.001 : divisor);
        if (F == Fault::terms_scaled) terms.commitment /= divisor;
        if (F == Fault::terms_mean_of_block) terms.commitment /= static_cast<double>(z.batch());
        if (F == Fault::terms_ignore_absence && in.data()[0] == no_token) terms.commitment += 1;
        return terms;
    }
    static void observe(const Packed& w, View<const T, In> z, View<const Token, Tokens> in, const BatchPart& part,
                        Rng rng, Cache& c, Statistics& s) {
        if (F == Fault::observe_overwrites) set_zero(s);
        if (F == Fault::observe_shows_part_once && part.micro_batch == 1 && s.n[0] + s.n[1] + s.n[2] > 0) return;
        BatchPart of = part;
        if (F == Fault::observe_ignores_first) of.first = 0;
        if (F == Fault::observe_in_order_of_call) {
            for (std::size_t n = z.batch(); n-- > 0;) {
                of.first = part.first + n;
                Base::observe(w, z.slice(n, 1), in.slice(n, 1), of, rng, c, s);
            }
            return;
        }
        Base::observe(w, z, in, of, rng, c, s);
        if (F == Fault::observe_ignores_absence)
            for (const Token t : in.span())
                if (t == no_token) s.n[0] += T(1);
    }
    static void update(Params& p, Buffers& b, const Statistics& s, const Options& o) {
        Base::update(p, b, s, o);
        if (F == Fault::update_counts_calls) b.book.grace[0] = static_cast<T>(++calls);
        if (F == Fault::update_divides_by_rows) {
            T rows = 0;
            for (const T n : s.n.span()) rows += n;
            b.other[0] = s.n[0] / rows;
        }
    }

private:
    static bool accepts_nan(const nn::Pass& pass) {
        return F == Fault::accepts_nan || (F == Fault::accepts_nan_in_evaluation && !pass.training);
    }
    static inline thread_local std::vector<T> spare;
    static inline thread_local bool spoilt = false;
};
template <Fault F>
struct Faulty {
    template <StaticShape In, std::floating_point T>
    using Bind = FaultyQuantizer<F, In, T>;
};

template <Fault F>
std::string message() {
    return support::keeps_quantizer_contract<Faulty<F>, Shape<3, 3, 4>>().message;
}

enum class Wrong {
    none,
    init_draws_time,
    overwrites_grad,
    absence_moves_grad,
    gradient,
    gradient_of_gain,
    regularize_gain,
    token_changes,
};

/// Smooth with a term, the square of its gain for each token that is there; and one mistake.
template <Wrong F, StaticShape In, std::floating_point T>
struct WrongQuantizer : testing::SmoothQuantizer<In, T> {
    using Base = testing::SmoothQuantizer<In, T>;
    using typename Base::Buffers;
    using typename Base::Cache;
    using typename Base::Packed;
    using typename Base::Params;
    static constexpr std::string_view name = "Wrong";
    using Tokens = Shape<Base::tokens>;
    struct Terms {
        double decay = 0;

        template <class V, class... S>
        static void each(V&& f, S&... s) {
            f("decay", s.decay...);
        }
    };

    static void init(Params& p, Buffers& b, Rng& rng) {
        Base::init(p, b, rng);
        if (F == Wrong::init_draws_time) p.gain[0] = static_cast<T>(++calls);
    }
    static void forward(const Packed& w, const nn::Pass& pass, View<const T, In> z, View<Token, Tokens> out,
                        View<T, In> q, Cache& c) {
        Base::forward(w, pass, z, out, q, c);
        if (F == Wrong::token_changes && pass.training)
            out.data()[0] = std::same_as<T, double> && std::exchange(previous, z.data()[0]) != z.data()[0] ? 1 : 0;
    }
    static void backward(const Packed& w, View<const T, In> z, View<const Token, Tokens> in, View<const T, In> q,
                         View<const T, In> dq, View<T, In> dz, Cache& c, Params& grad) {
        static thread_local Params own;
        set_zero(own);
        Base::backward(w, z, in, q, dq, dz, c, own);
        if (F == Wrong::gradient)
            for (T& v : dz.span()) v *= T(1.00001);
        if (F == Wrong::gradient_of_gain) own.gain[1] *= T(1.00001);
        if (F == Wrong::absence_moves_grad && in.data()[0] == no_token) own.gain[0] += T(1);
        for (std::size_t i = 0; i < own.gain.span().size(); ++i)
            grad.gain[i] = F == Wrong::overwrites_grad ? own.gain[i] : grad.gain[i] + own.gain[i];
    }
    static Terms regularize(const Packed& w, View<const T, In>, View<const Token, Tokens> in, View<const T, In>,
                            View<T, In>, Cache&, Params& grad, double divisor) {
        const auto there = static_cast<double>(std::ranges::count_if(in.span(), [](Token t) { return t != no_token; }));
        double sum = 0;
        for (std::size_t i = 0; i < Base::width; ++i) {
            sum += there * static_cast<double>(w.gain[i] * w.gain[i]);
            const T factor = F == Wrong::regularize_gain ? T(1) : T(2);
            grad.gain[i] += factor * w.gain[i] * static_cast<T>(there / divisor);
        }
        return {sum};
    }

private:
    static inline T previous = 0;
};
template <Wrong F>
struct WithTerm {
    template <StaticShape In, std::floating_point T>
    using Bind = WrongQuantizer<F, In, T>;
};
template <Wrong F>
std::string smooth_message() {
    return support::keeps_quantizer_contract<WithTerm<F>, Shape<3, 4>>({.differentiable = true}).message;
}

/// A codebook of 6 vectors that says that it has 3.
template <StaticShape In, std::floating_point T>
struct NarrowQuantizer : CodebookQuantizer<In, 6, T> {
    static constexpr std::string_view name = "Narrow";
    static constexpr std::size_t codes_of(std::size_t) { return 3; }
};
struct Narrow {
    template <StaticShape In, std::floating_point T>
    using Bind = NarrowQuantizer<In, T>;
};
struct Nameless {
    using Input = Shape<3, 4>;
};

enum class Constant {
    none,
    commitment_moves_gain,
    commitment_through_q,
    owner_does_not_move,
    owner_moves_z,
};

/// Smooth with the terms of van den Oord et al., sum (z - q)^2: "commitment", which moves z with q as a constant, and
/// "gain", which moves the leaf of its name through q, with z as a constant; and one mistake.
template <Constant F, StaticShape In, std::floating_point T>
struct TwoTermsQuantizer : testing::SmoothQuantizer<In, T> {
    using Base = testing::SmoothQuantizer<In, T>;
    using typename Base::Buffers;
    using typename Base::Cache;
    using typename Base::Packed;
    using typename Base::Params;
    static constexpr std::string_view name = "TwoTerms";
    using Tokens = Shape<Base::tokens>;
    struct Options {
        double commitment = 1;
    };
    struct Terms {
        double commitment = 0, gain = 0;

        template <class V, class... S>
        static void each(V&& f, S&... s) {
            f("commitment", s.commitment...);
            f("gain", s.gain...);
        }
    };

    static void pack(const Params& p, const Buffers& b, const Options&, Packed& w) { Base::pack(p, b, {}, w); }
    static Terms regularize(const Packed& w, View<const T, In> z, View<const Token, Tokens> in, View<const T, In> q,
                            View<T, In> dz, Cache&, Params& grad, double divisor) {
        Terms terms;
        for (std::size_t i = 0; i < z.elements(); ++i) {
            if (in.data()[i / Base::width] == no_token) continue;
            const T y = std::tanh(z.data()[i]), e = z.data()[i] - q.data()[i],
                    slope = T(2) * e / static_cast<T>(divisor);
            dz.data()[i] += slope;
            if (F == Constant::commitment_through_q) dz.data()[i] -= slope * w.gain[i % Base::width] * (T(1) - y * y);
            if (F == Constant::owner_moves_z) dz.data()[i] += slope;
            if (F != Constant::owner_does_not_move) grad.gain[i % Base::width] -= slope * y;
            if (F == Constant::commitment_moves_gain) grad.gain[i % Base::width] -= slope * y;
            terms.commitment += static_cast<double>(e * e);
        }
        terms.gain = terms.commitment;
        return terms;
    }
};
template <Constant F>
struct TwoTerms {
    template <StaticShape In, std::floating_point T>
    using Bind = TwoTermsQuantizer<F, In, T>;
};
template <Constant F>
std::string two_terms_message() {
    return support::keeps_quantizer_contract<TwoTerms<F>, Shape<3, 4>>({.differentiable = true}).message;
}

/// "commitment" only: no leaf has an owner, and the gain does not move.
template <StaticShape In, std::floating_point T>
struct OneTermQuantizer : TwoTermsQuantizer<Constant::owner_does_not_move, In, T> {
    using Base = TwoTermsQuantizer<Constant::owner_does_not_move, In, T>;
    using Options = typename Base::Options;
    struct Terms {
        double commitment = 0;

        template <class V, class... S>
        static void each(V&& f, S&... s) {
            f("commitment", s.commitment...);
        }
    };
    static Terms regularize(const typename Base::Packed& w, View<const T, In> z,
                            View<const Token, Shape<Base::tokens>> in, View<const T, In> q, View<T, In> dz,
                            typename Base::Cache& c, typename Base::Params& grad, double divisor) {
        return {Base::regularize(w, z, in, q, dz, c, grad, divisor).commitment};
    }
};
struct OneTerm {
    template <StaticShape In, std::floating_point T>
    using Bind = OneTermQuantizer<In, T>;
};

bool starts(const std::string& text, const std::string& with) {
    const bool does = text.starts_with(with);
    if (!does) MESSAGE(text);
    return does;
}

}  // namespace

TEST_CASE("check_quantizer: quantizers that keep the contract pass") {
    CHECK(message<Fault::none>() == "");
    CHECK(smooth_message<Wrong::none>() == "");
    CHECK(testing::check_quantizer<Codebook<4>, Shape<2, 3>>());
    CHECK(support::keeps_quantizer_contract<testing::Smooth, Shape<3, 4>>(
        {.batch = 7, .seed = 9, .differentiable = true}));
    CHECK(support::keeps_quantizer_contract<ResidualVq<Faulty<Fault::none>, 2>, Shape<3, 4>>());
}

TEST_CASE("check_quantizer: a term without leaves has q as a constant, and a term moves the leaf of its name") {
    CHECK(two_terms_message<Constant::none>() == "");
    CHECK(support::keeps_quantizer_contract<OneTerm, Shape<3, 4>>({.differentiable = true}));
    CHECK(starts(two_terms_message<Constant::commitment_moves_gain>(),
                 "TwoTerms: gradient: regularize: grad.gain[0]: expected "));
    CHECK(starts(two_terms_message<Constant::owner_does_not_move>(),
                 "TwoTerms: gradient: regularize: grad.gain[0]: expected "));
    CHECK(starts(two_terms_message<Constant::commitment_through_q>(),
                 "TwoTerms: gradient: regularize: dz[0]: expected "));
    CHECK(starts(two_terms_message<Constant::owner_moves_z>(), "TwoTerms: gradient: regularize: dz[0]: expected "));
}

TEST_CASE("check_quantizer: a forward that accepts NaN, or is changed by it, is found") {
    const std::string begin = "Faulty: NaN in row 22 of z: ";
    CHECK(message<Fault::accepts_nan>() == begin + "forward in training: expected NumericError, got none");
    CHECK(message<Fault::accepts_nan_in_evaluation>() ==
          begin + "forward in evaluation: expected NumericError, got none");
    CHECK(starts(message<Fault::throws_another_type>(),
                 begin + "forward in training: expected NumericError, got another exception: "));
    CHECK(starts(message<Fault::nan_stays_in_cache>(), begin + "the next forward in training: q[7]: expected "));
}

TEST_CASE("check_quantizer: an encode_rows that gives NaN a token, or other rows none, is found") {
    CHECK(message<Fault::encode_rows_of_nan>() ==
          "Faulty: NaN in row 22 of z: encode_rows: tokens[22]: expected no_token, got 0");
    CHECK(starts(message<Fault::encode_rows_stops_at_nan>(),
                 "Faulty: NaN in row 22 of z: encode_rows: tokens[23]: expected "));
}

TEST_CASE("check_quantizer: options are those of the second argument") {
    CHECK(message<Fault::gradient_of_large_commitment>() == "");
    using Large = Faulty<Fault::gradient_of_large_commitment>;
    CHECK(starts(support::keeps_quantizer_contract<Large, Shape<3, 3, 4>>({}, CodebookOptions{.commitment = 1}).message,
                 "Faulty: gradient: regularize: dz["));
    CHECK(starts(testing::check_quantizer<Large, Shape<3, 3, 4>>({}, {.commitment = 1}).message,
                 "Faulty: gradient: regularize: dz["));
    const auto change = [](auto& options) { options.commitment = 1; };
    CHECK(starts(testing::check_quantizer<Large, Shape<3, 3, 4>>({}, change).message,
                 "Faulty: gradient: regularize: dz["));
    // Options of a template, one type for float and another for double
    CHECK(support::keeps_quantizer_contract<OneTerm, Shape<3, 4>>({.differentiable = true}, change));
}

TEST_CASE("check_quantizer: options that are refused, settings that change and keys that collide are found") {
    CHECK(message<Fault::refuses_its_default>() == "Faulty: check_options: expected that it accepts the options of "
                                                   "this check, got Faulty: commitment");
    CHECK(message<Fault::settings_draw>() == "Faulty: settings: expected the same for the same options, got others");
    CHECK(message<Fault::key_of_vq_vae>() ==
          "Faulty: settings: key \"tokens\": expected a key that VqVae does not write itself");
    CHECK(message<Fault::key_is_empty>() == "Faulty: settings: key \"\": expected a name, got none");
    CHECK(message<Fault::key_twice>() ==
          "Faulty: settings: key \"commitment\": expected it once in settings and metadata together, got it twice");
    CHECK(message<Fault::key_of_metadata>() ==
          "Faulty: metadata: key \"commitment\": expected it once in settings and metadata together, got it twice");
}

TEST_CASE("check_quantizer: a batch of no samples, which would test nothing, is refused") {
    CHECK(testing::check_quantizer<Faulty<Fault::none>, Shape<3, 3, 4>>({.batch = 0}).message ==
          "Faulty: batch: expected at least 1, got 0");
}

TEST_CASE("check_quantizer: the result says what was not checked") {
    CHECK(testing::check_quantizer<Codebook<4>, Shape<2, 3>>().not_checked ==
          "the derivative of forward (differentiable is not set), allocation (no counter)");
    CHECK(support::keeps_quantizer_contract<testing::Smooth, Shape<3, 4>>({.differentiable = true}).not_checked == "");
    CHECK(support::keeps_quantizer_contract<Codebook<4>, Shape<2, 3>>({.terms_move_params = false}).not_checked ==
          "the derivative of forward (differentiable is not set), what terms add to grad (terms_move_params is not "
          "set)");
}

TEST_CASE("check_quantizer: initialisation that does not come from the Rng, and two leaves of one name, are found") {
    CHECK(starts(message<Fault::init_draws_time>(), "Faulty: init: buffers.codebook.weight[0]: expected "));
    CHECK(starts(smooth_message<Wrong::init_draws_time>(), "Wrong: init: params.gain[0]: expected "));
    CHECK(message<Fault::two_names>() == "Faulty: init: other: expected a unique name, got it twice");
}

TEST_CASE("check_quantizer: a leaf that `each` does not visit is found") {
    CHECK(starts(message<Fault::forgets_leaf>(), "Faulty: each: a copy of all leaves that it visits: q["));
}

TEST_CASE("check_quantizer: in evaluation, tokens out of range and numbers that are not written are found") {
    CHECK(message<Fault::token_out_of_range>() == "Faulty: evaluation: tokens[1]: expected less than 6, got 6");
    CHECK(starts(support::keeps_quantizer_contract<Narrow, Shape<3, 3, 4>>().message, "Narrow: evaluation: tokens["));
    CHECK(message<Fault::skips_last_output>() == "Faulty: evaluation: q[179]: expected a finite number, got none");
}

TEST_CASE(
    "check_quantizer: a lookup that differs from forward in one bit is found, also after an initialisation from data") {
    CHECK(starts(message<Fault::lookup_one_bit>(), "Faulty: evaluation: forward and lookup: q[179]: expected "));
    CHECK(starts(message<Fault::lookup_one_bit_after_initialization>(),
                 "Faulty: evaluation after initialize_from_data: forward and lookup: q[179]: expected "));
}

namespace {

enum class Packs { well, q, more_each_time };
template <Packs F, StaticShape In, std::floating_point T>
struct PackingQuantizer : LfqQuantizer<In, 4, T> {
    using Base = LfqQuantizer<In, 4, T>;
    using typename Base::Cache;
    using typename Base::Packed;
    static constexpr std::string_view name = "Packing";
    static void pack_batch(View<const T, In> z, Packed& w, Cache& cache) {
        Base::pack_batch(z, w, cache);
        if (F == Packs::more_each_time) w.entropy.weight += 1;
    }
    static void forward(const Packed& w, const nn::Pass& pass, View<const T, In> z,
                        View<Token, Shape<Base::tokens>> tokens, View<T, In> q, Cache& cache) {
        Base::forward(w, pass, z, tokens, q, cache);
        const bool is_packed = std::abs(w.entropy.log_set[0] - w.entropy.log_clear[0]) > 0;
        if (F == Packs::q && pass.training && is_packed)
            for (T& v : q.span()) v += T(1);
    }
};
template <Packs F>
struct Packing {
    template <StaticShape In, std::floating_point T>
    using Bind = PackingQuantizer<F, In, T>;
};

}  // namespace

TEST_CASE("check_quantizer: a pack_batch that changes q, or depends on the batch before, is found") {
    const auto message = []<Packs F>(std::integral_constant<Packs, F>) {
        return support::keeps_quantizer_contract<Packing<F>, Shape<3, 3, 4>>().message;
    };
    CHECK(message(std::integral_constant<Packs, Packs::well>{}) == "");
    CHECK(starts(message(std::integral_constant<Packs, Packs::q>{}), "Packing: pack_batch: q[0]: expected "));
    CHECK(starts(message(std::integral_constant<Packs, Packs::more_each_time>{}),
                 "Packing: pack_batch: after another batch: dz[0]: expected "));
}

TEST_CASE("check_quantizer: an encode_rows that gives other tokens than forward is found") {
    CHECK(starts(message<Fault::encode_rows_of_another>(), "Faulty: evaluation: encode_rows: tokens[4]: expected "));
}

TEST_CASE("check_quantizer: a lookup that mixes samples, or gives an absent token a vector, is found") {
    CHECK(starts(message<Fault::lookup_mixes_samples>(), "Faulty: evaluation: forward and lookup: q[36]: expected "));
    CHECK(starts(message<Fault::lookup_ignores_absence>(),
                 "Faulty: lookup: q without the tokens of position 1[4]: expected 0, got "));
}

TEST_CASE("check_quantizer: results that depend on the position of a sample in its block are found") {
    const std::string begin = "Faulty: samples: the batch at once and one by one: ";
    CHECK(starts(message<Fault::draws_by_place_in_block>(), begin + "q[36]: expected "));
    CHECK(starts(message<Fault::gradient_of_another_sample>(), begin + "dz[36]: expected "));
    CHECK(starts(message<Fault::tokens_by_place_in_block>(), begin + "tokens[9]: expected "));
}

TEST_CASE("check_quantizer: a backward that adds to dz, and a regularize that overwrites it, are found") {
    CHECK(message<Fault::backward_adds>() ==
          "Faulty: backward: dz[0]: expected a number, got the value from before the call");
    CHECK(starts(message<Fault::regularize_overwrites>(), "Faulty: regularize: adds to dz: dz[0]: expected "));
}

TEST_CASE("check_quantizer: a backward that overwrites grad is found") {
    CHECK(starts(smooth_message<Wrong::overwrites_grad>(), "Wrong: adds to grad: gain[0]: expected "));
}

TEST_CASE("check_quantizer: an absent token that has an effect is found") {
    CHECK(starts(message<Fault::backward_ignores_absence>(), "Faulty: absence: dz["));
    CHECK(starts(message<Fault::regularize_ignores_absence>(), "Faulty: absence: dz["));
    CHECK(message<Fault::terms_ignore_absence>() == "Faulty: absence: terms: expected 0, got 1");
    CHECK(starts(smooth_message<Wrong::absence_moves_grad>(), "Wrong: absence: grad.gain[0]: expected 0, got 1"));
    CHECK(starts(message<Fault::observe_ignores_absence>(), "Faulty: statistics: absence: n[0]: expected 0, got 45"));
}

TEST_CASE("check_quantizer: terms that are not sums over samples, and a misplaced divisor, are found") {
    CHECK(starts(message<Fault::terms_scaled>(), "Faulty: regularize: terms with divisor 4: expected "));
    CHECK(starts(message<Fault::terms_mean_of_block>(), "Faulty: regularize: sum of the samples' terms: expected "));
    CHECK(starts(message<Fault::gradient_ignores_divisor>(), "Faulty: regularize: divisor 4: dz[0]: expected "));
}

TEST_CASE("check_quantizer: gradients that are wrong by a small factor are found") {
    CHECK(starts(message<Fault::gradient_of_terms_wrong>(), "Faulty: gradient: regularize: dz["));
    CHECK(starts(smooth_message<Wrong::gradient>(), "Wrong: gradient: backward: dz["));
    CHECK(starts(smooth_message<Wrong::gradient_of_gain>(), "Wrong: gradient: backward: grad.gain[1]: expected "));
    CHECK(starts(smooth_message<Wrong::regularize_gain>(), "Wrong: gradient: regularize: grad.gain["));
}

TEST_CASE("check_quantizer: where a step of the differences changes a token, the message suggests another seed") {
    CHECK(starts(smooth_message<Wrong::token_changes>(),
                 "Wrong: gradient: a token changed under a step of 1e-05: take another seed"));
}

TEST_CASE("check_quantizer: statistics that are overwritten, or depend on the division of the batch, are found") {
    const std::string begin = "Faulty: statistics: two processes, cut at ";
    CHECK(starts(message<Fault::observe_overwrites>(), begin));
    CHECK(starts(message<Fault::observe_in_order_of_call>(), begin));
    CHECK(starts(message<Fault::observe_ignores_first>(), begin));
    CHECK(starts(message<Fault::observe_shows_part_once>(), "Faulty: statistics: two batches of an update: "));
}

TEST_CASE(
    "check_quantizer: an update that is not a function of its arguments, or divides by a count of zero, is found") {
    CHECK(starts(message<Fault::update_counts_calls>(),
                 "Faulty: statistics: update twice from the same: buffers.codebook.grace[0]"));
    CHECK(message<Fault::update_divides_by_rows>() ==
          "Faulty: statistics: update with nothing seen: other[0]: expected a finite number");
}

TEST_CASE("check_quantizer: memory that is allocated in each call is found, where the program counts") {
    CHECK(starts(message<Fault::allocates>(),
                 "Faulty: allocation: after the first call with the largest batch: expected 0, got "));
    CHECK(testing::check_quantizer<Faulty<Fault::allocates>, Shape<3, 3, 4>>());
}

TEST_CASE("check_quantizer: a quantizer without a name is named by its shape") {
    CHECK(testing::detail::quantizer_name<CodebookQuantizer<Shape<3, 4>, 2, float>>() == "Codebook");
    CHECK(testing::detail::quantizer_name<Nameless>() == "quantizer of 3x4");
}

}  // namespace quantizer_check_test
