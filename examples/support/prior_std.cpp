// Training of the prior of preset `std`.

#include "pipeline.hpp"

namespace digits {
template Stage2 train_prior(Std::Prior&, const Job&, const Codes&, const Codes&);
}
