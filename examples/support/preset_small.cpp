// The preset `small` with either quantizer: both stages in a row, and sampling. One file, because most of what a compiler
// makes of them is the kernels, which they share.

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
