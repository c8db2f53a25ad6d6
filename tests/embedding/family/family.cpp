#include "family.hpp"

#include <support/bits.hpp>
#include <support/temporary_folder.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/nn/gelu.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/residual.hpp>
#include <tessera/vq/binary_residual.hpp>
#include <tessera/vq/bind_quantizer.hpp>
#include <tessera/vq/bsq.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/fsq.hpp>
#include <tessera/vq/gaussian_quant.hpp>
#include <tessera/vq/grouped_vq.hpp>
#include <tessera/vq/lfq.hpp>
#include <tessera/vq/policy/bridge.hpp>
#include <tessera/vq/policy/cosine.hpp>
#include <tessera/vq/policy/diveq.hpp>
#include <tessera/vq/policy/diversity.hpp>
#include <tessera/vq/policy/fixed.hpp>
#include <tessera/vq/policy/gradient.hpp>
#include <tessera/vq/policy/orthogonal.hpp>
#include <tessera/vq/policy/rotation_trick.hpp>
#include <tessera/vq/policy/sim_vq.hpp>
#include <tessera/vq/policy/space_filling_diveq.hpp>
#include <tessera/vq/policy/temperature_sampling.hpp>
#include <tessera/vq/projected.hpp>
#include <tessera/vq/residual_fsq.hpp>
#include <tessera/vq/residual_vq.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

namespace embedding {

namespace {

using namespace tessera;

template <class Q>
struct State {
    typename Q::Params params;
    typename Q::Buffers buffers;

    template <class F, class... S>
    static void each_state(F&& f, S&... states) {
        Q::Params::each(f, states.params...);
        Q::Buffers::each(f, states.buffers...);
    }
};

// Six updates from two batches each, in blocks of 8 samples; gradients are applied as they are (SGD).
template <class Spec, std::size_t Width>
std::uint64_t hash_of(bool resumed) {
    using In = Shape<2, 2, Width>;
    using Q = vq::BindQuantizer<Spec, In, float>;
    constexpr std::size_t batch = 20, parts = 2, block = 8;
    State<Q> state;
    typename Q::Options options{};
    typename Q::Packed w;
    typename Q::Cache cache, observing;
    Tensor<float, In> z{batch}, dz{batch};
    Tensor<float, typename Q::Output> q{batch}, dq{batch};
    Tensor<Token, Shape<Q::tokens>> tokens{batch};
    support::HashLeaves hash;
    const auto add = [&](const auto& x) {
        hash.hash =
            support::hash_bits(std::span<const typename std::remove_cvref_t<decltype(x)>::element_type>{x}, hash.hash);
    };
    Rng rng{5};
    Q::init(state.params, state.buffers, rng);
    for (std::size_t step = 0; step < 6; ++step) {
        typename Q::Params grad;
        set_zero(grad);
        vq::Statistics<Q> statistics;
        for (std::size_t part = 0; part < parts; ++part) {
            Rng own = Rng{9}.split(step).split(part);
            for (float& v : z.span()) v = 0.8f * own.normal();
            for (float& v : dq.span()) v = own.uniform(-1.f, 1.f);
            if (step == 0 && part == 0)
                vq::initialize_from_data<Q>(state.params, state.buffers, std::as_const(z), options, own.split(1));
            Q::pack(state.params, state.buffers, options, w);
            for (std::size_t first = 0; first < batch; first += block) {
                const std::size_t count = std::min(block, batch - first);
                const auto in = std::as_const(z).view().slice(first, count);
                const auto chosen = tokens.view().slice(first, count);
                const auto out = q.view().slice(first, count);
                Q::forward(w, {true, own.split(2), first}, in, chosen, out, cache);
                Q::backward(w, in, chosen, out, std::as_const(dq).view().slice(first, count),
                            dz.view().slice(first, count), cache, grad);
                static_cast<void>(
                    vq::regularize<Q>(w, in, chosen, out, dz.view().slice(first, count), cache, grad, batch * parts));
            }
            BatchPart of = BatchPart::whole(batch);
            of.micro_batch = part;
            of.micro_batches = parts;
            vq::observe<Q>(w, std::as_const(z), std::as_const(tokens), of, own.split(3), observing, statistics);
            add(std::as_const(dz).span());
            add(std::as_const(tokens).span());
        }
        Q::Params::each(
            [](const ParamPath&, auto& p, const auto& g) {
                for (std::size_t i = 0; i < p.span().size(); ++i) p[i] -= 0.05f * g[i];
            },
            state.params, grad);
        vq::update<Q>(state.params, state.buffers, statistics, options);
        if (resumed && step == 2) {
            const support::TemporaryFolder folder;
            io::save(folder / "state.safetensors", state);
            State<Q> loaded;
            io::load(folder / "state.safetensors", loaded);
            state = loaded;
        }
    }
    State<Q>::each_state(hash, state);
    Q::pack(state.params, state.buffers, options, w);
    Q::forward(w, {}, std::as_const(z), tokens.view(), q.view(), cache);
    add(std::as_const(tokens).span());
    add(std::as_const(q).span());
    return hash.hash;
}

using Net = nn::Residual<nn::Linear<8>, nn::Gelu, nn::Linear<6>>;

}  // namespace

const std::vector<FamilyMember>& family() {
    static const std::vector<FamilyMember> all{
        {"Codebook", hash_of<Codebook<40>, 6>},
        {"Codebook, Cosine", hash_of<Codebook<40, vq::Cosine>, 6>},
        {"Codebook, Gradient", hash_of<Codebook<40, vq::Gradient>, 6>},
        {"Codebook, Fixed", hash_of<Codebook<40, vq::Fixed>, 6>},
        {"Codebook, SimVq", hash_of<Codebook<40, vq::SimVq>, 6>},
        {"Codebook, Bridge", hash_of<Codebook<40, vq::Bridge<Net>>, 6>},
        {"Codebook, RotationTrick", hash_of<Codebook<40, vq::RotationTrick>, 6>},
        {"Codebook, DiVeQ", hash_of<Codebook<40, vq::Gradient, vq::DiVeQ>, 6>},
        {"Codebook, SpaceFillingDiVeQ", hash_of<Codebook<40, vq::Gradient, vq::SpaceFillingDiVeQ>, 6>},
        {"Codebook, TemperatureSampling", hash_of<Codebook<40, vq::TemperatureSampling>, 6>},
        {"Codebook, Orthogonal", hash_of<Codebook<40, vq::Gradient, vq::Orthogonal>, 6>},
        {"Codebook, Diversity", hash_of<Codebook<40, vq::Diversity>, 6>},
        {"Fsq", hash_of<Fsq<8, 5, 5, 5>, 4>},
        {"Fsq, symmetric", hash_of<FsqWith<FsqBound::symmetric, 4, 4, 4>, 3>},
        {"Fsq, scaled sigmoid", hash_of<FsqWith<FsqBound::scaled_sigmoid, 5, 5, 4>, 3>},
        {"GaussianQuant", hash_of<GaussianQuant<40>, 6>},
        {"Lfq", hash_of<Lfq<8>, 8>},
        {"Bsq", hash_of<Bsq<8>, 8>},
        {"ResidualVq", hash_of<ResidualVq<Codebook<16>, 3>, 6>},
        {"GroupedVq", hash_of<GroupedVq<Codebook<16>, 2>, 6>},
        {"Projected", hash_of<Projected<3, Codebook<16, vq::Cosine>>, 6>},
        {"ResidualFsq", hash_of<ResidualFsq<2, 5, 4, 3>, 3>},
        {"BinaryResidual", hash_of<BinaryResidual<3>, 4>},
        {"ResidualVq, shared", hash_of<ResidualVq<Codebook<16>, 2, Codebooks::shared>, 6>},
    };
    return all;
}

}  // namespace embedding
