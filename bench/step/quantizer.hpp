#pragma once
// One training step of a quantizer alone, as in a VqVae: blocks of four samples.

#include <bench/rows.hpp>
#include <bench/support/data.hpp>

#include <examples/support/codebooks.hpp>

#include <tessera/core/batch_part.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/nn/exec/grouped.hpp>
#include <tessera/vq/quantizer_hooks.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

namespace bench {

namespace ts = tessera;

template <class Q>
class QuantizerStep {
    static constexpr std::size_t images = 64;
    using In = typename Q::Input;
    using Out = typename Q::Output;

public:
    static constexpr double count = images;

    QuantizerStep() : z_{images}, dz_{images}, q_{images}, dq_{images}, tokens_{images} {
        ts::Rng rng{1};
        for (float& v : z_.span()) v = rng.normal();
        for (float& v : dq_.span()) v = rng.normal() / static_cast<float>(images * Out::size);
        Q::init(params_, buffers_, rng);
        ts::vq::initialize_from_data<Q>(params_, buffers_, std::as_const(z_), options_, rng);
    }

    void operator()() {
        const auto zero = [](const ts::ParamPath&, auto& leaf) { leaf.fill(0); };
        Q::Params::each(zero, grad_);
        ts::vq::Statistics<Q>::each(zero, statistics_);
        Q::pack(params_, buffers_, options_, packed_);
        ts::vq::pack_batch<Q>(std::as_const(z_), packed_, observing_);
        for (std::size_t first = 0; first < images; first += ts::nn::block_size) {
            const auto of = [&](auto&& tensor) { return tensor.view().slice(first, ts::nn::block_size); };
            const auto z = of(std::as_const(z_));
            Q::forward(packed_, {true, rng_, first}, z, of(tokens_), of(q_), cache_);
            Q::backward(packed_, z, of(std::as_const(tokens_)), of(std::as_const(q_)), of(std::as_const(dq_)), of(dz_),
                        cache_, grad_);
            ts::vq::regularize<Q>(packed_, z, of(std::as_const(tokens_)), of(std::as_const(q_)), of(dz_), cache_, grad_,
                                  static_cast<double>(images));
        }
        ts::vq::observe<Q>(packed_, std::as_const(z_), std::as_const(tokens_), ts::BatchPart::whole(images), rng_,
                           observing_, statistics_);
        ts::vq::update<Q>(params_, buffers_, statistics_, options_);
    }

private:
    typename Q::Params params_, grad_;
    typename Q::Buffers buffers_;
    typename Q::Options options_ = digits::options_with_decay<Q>(0.98f);
    typename Q::Packed packed_;
    typename Q::Cache cache_, observing_;
    ts::vq::Statistics<Q> statistics_;
    ts::Rng rng_{2};
    ts::Tensor<float, In> z_, dz_;
    ts::Tensor<float, Out> q_, dq_;
    ts::Tensor<ts::Token, ts::Shape<Q::tokens>> tokens_;
};

template <class Q>
void add_quantizer(Rows& rows, const char* name) {
    rows.add({.name = std::string{"quantizer/"} + name, .figure = per_second("images", QuantizerStep<Q>::count)},
             [](Meter& meter) {
                 QuantizerStep<Q> step;
                 meter.time([&] { step(); });
             });
}

}  // namespace bench
