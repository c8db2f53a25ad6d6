// The priors of any order of the preset `std`: training and sampling. Apart from those in raster order, so that both
// are compiled at the same time.

#include "prior_stage.hpp"

namespace digits {

template PriorResult train_prior<Preset::std, Order::any>(PriorSize, const Job&, FirstStage, const Outcome&,
                                                          const Draw&);
template PriorResult sample_prior<Preset::std, Order::any>(PriorSize, const Job&, const Draw&);

}  // namespace digits
