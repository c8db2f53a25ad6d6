// The preset `std`: both stages in a row, and sampling.

#include "pipeline.hpp"

namespace digits {

Outcome train_std(const Job& job, const Material& material) { return train<Std>(job, material); }
Outcome sample_std(const Job& job, const std::vector<std::string>& class_names) {
    return sample_loaded<Std>(job, class_names);
}

}  // namespace digits
