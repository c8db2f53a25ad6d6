// 3. A custom layer.
//
// A layer needs no base class and no registration: any struct with the required members is a layer. The compiler checks
// the members (nn::LayerSpec), and testing::check_layer checks the rules of the contract at run time: gradients against
// finite differences, that forward writes all of y, that backward adds to grad, that samples are independent, and more.

#include <tessera/core/rng.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/testing/layer_check.hpp>

#include <concepts>
#include <cstddef>
#include <cstdio>
#include <string_view>

// [layer]
namespace ts = tessera;

// y = gain x^2, with one learned gain for each channel
template <ts::StaticShape In, std::floating_point T>
struct SquareLayer {
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Cache = ts::Empty;
    static constexpr std::string_view name = "Square";
    static constexpr std::size_t channels = ts::last_dim<In>;

    struct Params {
        ts::Param<T, ts::Shape<channels>> gain;

        template <class F, class... P>
        static void each(F&& f, P&... p) {
            f("gain", p.gain...);
        }
    };

    static void init(Params& p, ts::Rng&) { p.gain.fill(1); }
    static void forward(const Params& p, ts::View<const T, In> x, ts::View<T, In> y, Cache&) {
        for (std::size_t i = 0; i < x.elements(); ++i) y.data()[i] = p.gain[i % channels] * x.data()[i] * x.data()[i];
    }
    static void backward(const Params& p, ts::View<const T, In> x, ts::View<const T, In>, ts::View<const T, In> dy,
                         ts::View<T, In> dx, Cache&, Params& grad) {
        for (std::size_t i = 0; i < x.elements(); ++i) {
            dx.data()[i] = 2 * p.gain[i % channels] * x.data()[i] * dy.data()[i];
            grad.gain[i % channels] += x.data()[i] * x.data()[i] * dy.data()[i];
        }
    }
};

// the spec, to be used in a Chain
struct Square {
    template <ts::StaticShape In, std::floating_point T>
    using Bind = SquareLayer<In, T>;
};

static_assert(ts::nn::LayerSpec<Square, ts::Shape<7, 7, 3>>);
struct Net : ts::nn::Chain<ts::Shape<8>, ts::nn::Linear<16>, Square, ts::nn::Linear<1>> {};
// [/layer]

// The same layer with a bug: dx lacks the factor 2.
template <ts::StaticShape In, std::floating_point T>
struct WrongLayer : SquareLayer<In, T> {
    using Base = SquareLayer<In, T>;
    static constexpr std::string_view name = "Wrong";
    static void backward(const typename Base::Params& p, ts::View<const T, In> x, ts::View<const T, In> y,
                         ts::View<const T, In> dy, ts::View<T, In> dx, ts::Empty& cache, typename Base::Params& grad) {
        Base::backward(p, x, y, dy, dx, cache, grad);
        for (std::size_t i = 0; i < x.elements(); ++i) dx.data()[i] /= 2;
    }
};
struct Wrong {
    template <ts::StaticShape In, std::floating_point T>
    using Bind = WrongLayer<In, T>;
};

int main() {
    // In a test: CHECK(check_layer<Square, Shape<7, 7, 3>>()).
    const auto good = ts::testing::check_layer<Square, ts::Shape<7, 7, 3>>();
    std::printf("Square: %s\n", good ? "satisfies the contract" : good.message.c_str());

    const auto bad = ts::testing::check_layer<Wrong, ts::Shape<7, 7, 3>>();
    std::printf("Wrong:  %s\n", bad ? "satisfies the contract" : bad.message.c_str());

    Net::Params params;
    ts::Rng rng{1};
    Net::init(params, rng);
    std::printf("a net with it has %zu weights\n", ts::parameter_count(params));
    return good && !bad ? 0 : 1;
}
