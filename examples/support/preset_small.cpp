// The preset `small`: both stages in a row, and sampling.

#include "pipeline.hpp"

namespace digits {

Outcome train_small(const Job& job, const Material& material) { return train<Small>(job, material); }
Outcome sample_small(const Job& job, const std::vector<std::string>& class_names) {
    return sample_loaded<Small>(job, class_names);
}

}  // namespace digits
