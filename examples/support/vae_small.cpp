// Training of the VQ-VAE of preset `small`.

#include "pipeline.hpp"

namespace digits {
template Stage1 train_vae(Small::Vae&, const Job&, const Material&);
}
