// Training of the prior of preset `std`.

#include "pipeline.hpp"

namespace digits {
template Stage2 train_prior(Std::Prior&, const Std::Vae&, const Stage1&, const Job&, const Codes&, const Codes&);
}
