// Training of the VQ-VAE of preset `std`.

#include "pipeline.hpp"

namespace digits {
template Stage1 train_vae(Std::Vae&, const Job&, const Material&);
}
