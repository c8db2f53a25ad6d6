#include <tessera/vq/quantizer_hooks.hpp>

#include <doctest/doctest.h>
#include <tessera/testing/smooth_quantizer.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/fsq.hpp>
#include <tessera/vq/levels.hpp>

#include <concepts>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

using namespace tessera;

namespace quantizer_hooks_test {

namespace {

using Book = CodebookQuantizer<Shape<2, 3>, 4, float>;
using Plain = testing::SmoothQuantizer<Shape<2, 3>, float>;

static_assert(vq::Regularizes<Book> && vq::Observes<Book> && vq::InitializesFromData<Book> && vq::EncodesRows<Book>);
static_assert(!vq::Regularizes<Plain> && !vq::Observes<Plain> && !vq::InitializesFromData<Plain> &&
              !vq::EncodesRows<Plain>);
static_assert(std::same_as<vq::Terms<Plain>, Empty> && std::same_as<vq::Statistics<Plain>, Empty>);
static_assert(std::same_as<vq::Terms<Book>, Book::Terms> && std::same_as<vq::Statistics<Book>, Book::Statistics>);
static_assert(vq::HooksAreCallable<Book>::value && vq::HooksAreCallable<Plain>::value);

// Two tokens of a position, of vocabularies 4 and 2.
struct Two : Plain {
    static constexpr std::size_t tokens = 4, codes = 4;
    static constexpr std::size_t codes_of(std::size_t i) { return i % 2 == 0 ? 4 : 2; }
};
struct AtRunTime : Plain {
    static std::size_t codes_of(std::size_t) { return 2; }
};
struct PerPosition : Two {
    static constexpr std::size_t codes_of(std::size_t i) { return i < 2 ? 4 : 2; }
};
struct Larger : Two {
    static constexpr std::size_t codes_of(std::size_t) { return 5; }
};
struct WholeSample : Plain {
    static constexpr std::size_t tokens = 1;
};
static_assert(vq::HasCodesOf<Two> && !vq::HasCodesOf<Plain> && !vq::HasCodesOf<AtRunTime>);
static_assert(vq::detail::names_codes_of<Two> && vq::detail::names_codes_of<AtRunTime> &&
              !vq::detail::names_codes_of<Plain>);
static_assert(vq::codes_of<Two>(2) == 4 && vq::codes_of<Two>(3) == 2 && vq::codes_of<Plain>(1) == 2);
static_assert(vq::detail::valid_codes_of<Two>() && vq::detail::valid_codes_of<Plain>() &&
              !vq::detail::valid_codes_of<PerPosition>() && !vq::detail::valid_codes_of<Larger>());
static_assert(vq::tokens_per_position<Two> == 2 && vq::tokens_per_position<Plain> == 1 &&
              vq::tokens_per_position<WholeSample> == 1);

// A name is found whether it is a function, overloads, a template or a type.
struct Nothing {};
struct Overloaded {
    static void initialize_from_data(int);
    static void initialize_from_data(double);
};
struct Template {
    template <class T>
    static void observe(T);
};
struct TypeOnly {
    struct Statistics {};
};
static_assert(!vq::detail::names_initialize_from_data<Nothing> && !vq::detail::names_observe<Nothing> &&
              !vq::detail::names_regularize<Nothing> && !vq::detail::names_encode_rows<Nothing>);
static_assert(vq::detail::names_initialize_from_data<Overloaded> && !vq::detail::names_observe<Overloaded>);
static_assert(vq::detail::names_observe<Template> && vq::detail::names_observe<TypeOnly>);
static_assert(vq::detail::names_regularize<Book> && vq::detail::names_observe<Book> &&
              vq::detail::names_initialize_from_data<Book> && vq::detail::names_encode_rows<Book>);

}  // namespace

TEST_CASE("Quantizer hooks: without a member the calls do nothing") {
    Plain::Params params, grad;
    Plain::Packed w;
    Empty none;
    Rng rng{1};
    Plain::init(params, none, rng);
    Plain::pack(params, none, {}, w);
    Tensor<float, Shape<2, 3>> z{2}, q{2}, dz{2};
    Tensor<Token, Shape<2>> tokens{2};
    dz.data()[0] = 5;
    const Empty terms =
        vq::regularize<Plain>(w, std::as_const(z), std::as_const(tokens), std::as_const(q), dz.view(), none, grad, 1);
    CHECK(vq::sum_terms(terms) == 0);
    CHECK(vq::count_terms<Empty>() == 0);
    CHECK(dz.data()[0] == 5);
    Empty statistics;
    vq::observe<Plain>(w, std::as_const(z), std::as_const(tokens), BatchPart::whole(2), rng, none, statistics);
    vq::update<Plain>(params, none, statistics, {});
    vq::initialize_from_data<Plain>(params, none, std::as_const(z), {}, rng);
    CHECK(params.gain[2] == 0.7f);
}

TEST_CASE("Quantizer hooks: with a member they call it") {
    Book::Buffers buffers;
    Book::Packed w;
    Book::Cache cache;
    Empty none;
    Rng rng{1};
    Book::init(none, buffers, rng);
    Book::pack(none, buffers, {}, w);
    Tensor<float, Shape<2, 3>> z{2}, q{2}, dz{2};
    for (float& v : z.span()) v = rng.normal();
    Tensor<Token, Shape<2>> tokens{2};
    Book::forward(w, {}, std::as_const(z), tokens.view(), q.view(), cache);
    const Book::Terms terms =
        vq::regularize<Book>(w, std::as_const(z), std::as_const(tokens), std::as_const(q), dz.view(), cache, none, 1);
    CHECK(terms.commitment > 0);
    CHECK(dz.data()[0] != 0);
    Book::Statistics statistics;
    vq::observe<Book>(w, std::as_const(z), std::as_const(tokens), BatchPart::whole(2), rng, cache, statistics);
    CHECK(statistics.n[0] + statistics.n[1] + statistics.n[2] + statistics.n[3] == 4);
    const float before = buffers.book.weight[0];
    vq::initialize_from_data<Book>(none, buffers, std::as_const(z), {}, rng);
    const float initialized = buffers.book.weight[0];
    CHECK(initialized != before);
    vq::update<Book>(none, buffers, statistics, {});
    CHECK(buffers.book.count[0] != 0);
}

TEST_CASE("Quantizer hooks: terms are added and summed by name") {
    using Terms = vq::Levels<Book::Terms, 2>;
    Terms a, b;
    a.level[0].commitment = 1;
    a.level[1].commitment = 2;
    b.level[1].commitment = 0.5;
    vq::add_terms(a, b);
    CHECK(vq::count_terms<Terms>() == 2);
    CHECK(vq::sum_terms(a) == 3.5);
    std::vector<std::string> names;
    Terms::each([&](const ParamPath& path, const double&) { names.push_back(path.str()); }, std::as_const(a));
    CHECK(names == std::vector<std::string>{"0.commitment", "1.commitment"});
}

}  // namespace quantizer_hooks_test
