// Reads the metadata of a model file without making a net.

#include "job.hpp"
#include "prior.hpp"
#include "quantizer_names.hpp"

#include <tessera/core/error.hpp>
#include <tessera/io/safetensors.hpp>

#include <sstream>

namespace digits {

namespace {

// After "expected a model that this program has written".
std::string what_else(const tessera::io::SafetensorsFile& file, bool has_preset) {
    if (file.metadata("tessera.digits.program"))
        return ", got a checkpoint of a run: --checkpoint with its folder and --resume continue it";
    if (has_preset) return "";
    return ", got one without its metadata: another tool has saved the model again, and io::load of a program of yours "
           "can read its weights";
}

}  // namespace

ModelFacts read_model_facts(const std::string& path) {
    tessera::io::SafetensorsFile file{path};
    file.verify_checksum();
    const auto preset = file.metadata("tessera.digits.preset"), names = file.metadata("tessera.digits.class_names");
    // files of earlier versions lack it: there was only one quantizer
    const std::string quantizer = file.metadata("tessera.digits.quantizer").value_or("codebook");
    // only files with a prior of any order have it
    const std::string order = file.metadata("tessera.digits.order").value_or(name(Order::raster));
    if (!preset || !names || (*preset != "small" && *preset != "std") || !find_quantizer(quantizer) ||
        (order != name(Order::raster) && order != name(Order::any)))
        throw tessera::FormatError(tessera::FormatCode::mismatch,
                                   "--load: " + path + ": expected a model that this program has written" +
                                       what_else(file, preset.has_value()));
    const Order of_prior = order == name(Order::any) ? Order::any : Order::raster;
    const bool any = of_prior == Order::any;
    if (!file.metadata(any ? "tessera.any_order_gpt.positions" : "tessera.gpt.positions"))
        throw tessera::FormatError(tessera::FormatCode::version,
                                   "--load: " + path + ": was written by version " + (any ? "4" : "2") +
                                       " or an earlier one of this program, whose prior has GPT-2's block: expected "
                                       "version " +
                                       (any ? "5" : "3") + " or later, whose prior has LLaMA's: train the model again");
    ModelFacts facts{
        *preset == "small" ? Preset::small : Preset::std, quantizer, of_prior, {}, label_dropout_of(file, of_prior)};
    std::istringstream lines{*names};
    for (std::string name; std::getline(lines, name);) facts.class_names.push_back(name);
    return facts;
}

}  // namespace digits
