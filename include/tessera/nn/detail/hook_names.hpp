#pragma once
// Which optional members of the layer contract a layer has by name, whatever their signature. A name that comes from
// two bases is ambiguous, so types, constants, functions, overloads and templates are all found.

#include <tessera/core/abi.hpp>

namespace tessera::inline TESSERA_ABI::nn::detail {

struct HookNames {
    int Packed, pack, InputScalar, backward_params, rounds, resize_cache, forward_round, begin;
    int State, Scratch, step, pack_forward, add_pack_jobs, steps, fuses;
};
template <class L>
struct Named : L, HookNames {};

template <class L>
concept NamesPacked = !requires {
    &Named<L>::Packed;
};
template <class L>
concept NamesPack = !requires {
    &Named<L>::pack;
};
template <class L>
concept NamesInputScalar = !requires {
    &Named<L>::InputScalar;
};
template <class L>
concept NamesBackwardParams = !requires {
    &Named<L>::backward_params;
};
template <class L>
concept NamesRounds = !requires {
    &Named<L>::rounds;
};
template <class L>
concept NamesResizeCache = !requires {
    &Named<L>::resize_cache;
};
template <class L>
concept NamesForwardRound = !requires {
    &Named<L>::forward_round;
};
template <class L>
concept NamesBegin = !requires {
    &Named<L>::begin;
};
template <class L>
concept NamesState = !requires {
    &Named<L>::State;
};
template <class L>
concept NamesScratch = !requires {
    &Named<L>::Scratch;
};
template <class L>
concept NamesStep = !requires {
    &Named<L>::step;
};
template <class L>
concept NamesPackForward = !requires {
    &Named<L>::pack_forward;
};
template <class L>
concept NamesAddPackJobs = !requires {
    &Named<L>::add_pack_jobs;
};
template <class L>
concept NamesSteps = !requires {
    &Named<L>::steps;
};
template <class L>
concept NamesFuses = !requires {
    &Named<L>::fuses;
};

}  // namespace tessera::nn::detail
