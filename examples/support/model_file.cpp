// Reads the metadata of a model file without making a net.

#include "job.hpp"
#include "prior.hpp"
#include "quantizer_names.hpp"

#include <tessera/core/error.hpp>
#include <tessera/io/safetensors.hpp>

#include <sstream>

namespace digits {

ModelFacts read_model_facts(const std::string& path) {
    tessera::io::SafetensorsFile file{path};
    file.verify_checksum();
    const auto preset = file.metadata("tessera.digits.preset"), names = file.metadata("tessera.digits.class_names");
    // files of earlier versions lack it: there was only one quantizer
    const std::string quantizer = file.metadata("tessera.digits.quantizer").value_or("codebook");
    if (!preset || !names || (*preset != "small" && *preset != "std") || !find_quantizer(quantizer))
        throw tessera::FormatError(tessera::FormatCode::mismatch,
                                   "--load: " + path + ": expected a model that this program has written");
    ModelFacts facts{*preset == "small" ? Preset::small : Preset::std, quantizer, {}, label_dropout_of(file)};
    std::istringstream lines{*names};
    for (std::string name; std::getline(lines, name);) facts.class_names.push_back(name);
    return facts;
}

}  // namespace digits
