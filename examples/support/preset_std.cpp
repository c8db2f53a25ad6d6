// The preset `std` with either quantizer: both stages in a row, and sampling. In one file, because they share
// the kernels, which are most of what a compiler makes of them.

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
