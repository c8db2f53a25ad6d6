// Training of the prior of preset `small`.

#include "pipeline.hpp"

namespace digits {
template Stage2 train_prior(Small::Prior&, const Small::Vae&, const Stage1&, const Job&, const Codes&, const Codes&);
}
