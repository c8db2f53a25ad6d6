// The priors of the preset `small`: training and sampling. In one file, because they use the same kernels:
// 52 s and 1.4 GB of compilation for three sizes, 6 to 9 s for each other vocabulary or context.

#include "prior_codec_stage.hpp"
#include "prior_stage.hpp"

namespace digits {

template PriorResult train_prior<Preset::small, Order::raster>(PriorSize, const Job&, FirstStage, const Outcome&,
                                                               const Draw&);
template PriorResult sample_prior<Preset::small, Order::raster>(PriorSize, const Job&, const Draw&);
template Coded encode_tokens<Preset::small>(PriorSize, const CodecJob&, std::uint64_t, std::vector<ts::Token>);
template std::vector<ts::Token> decode_tokens<Preset::small>(PriorSize, const CodecJob&, std::uint64_t, ts::ByteView,
                                                             const std::string&);

}  // namespace digits
