// The preset `small` with either quantizer: both stages and sampling. In one file, because both quantizers use the same
// kernel instantiations, which are most of the code.

#include "pipeline.hpp"

namespace digits {

Outcome train_small(const Job& job, const Material& material) {
    return job.quantizer == Quantizer::fsq ? train<SmallFsq>(job, material) : train<Small>(job, material);
}
Outcome sample_small(const Job& job, const std::vector<std::string>& class_names) {
    return job.quantizer == Quantizer::fsq ? sample_loaded<SmallFsq>(job, class_names)
                                           : sample_loaded<Small>(job, class_names);
}

}  // namespace digits
