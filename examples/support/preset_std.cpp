// The preset `std` with either quantizer: both stages and sampling. In one file, because both quantizers use the same
// kernel instantiations, which are most of the code.

#include "pipeline.hpp"

namespace digits {

Outcome train_std(const Job& job, const Material& material) {
    return job.quantizer == Quantizer::fsq ? train<StdFsq>(job, material) : train<Std>(job, material);
}
Outcome sample_std(const Job& job, const std::vector<std::string>& class_names) {
    return job.quantizer == Quantizer::fsq ? sample_loaded<StdFsq>(job, class_names)
                                           : sample_loaded<Std>(job, class_names);
}

}  // namespace digits
