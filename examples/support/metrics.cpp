// metrics.json: the results of a run, machine-readable. A number that is not finite is a text: "inf", "nan".

#include "json_figures.hpp"
#include "summary.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace digits {

using Json = nlohmann::ordered_json;

namespace {

// 0.9f as 0.9, not as 0.8999999761581421
double plain(float x) { return std::round(static_cast<double>(x) * 1e6) / 1e6; }

Json of(const Stage1& s) {
    return {{"seconds", s.seconds},
            {"images_per_second", s.images_per_second},
            {"epochs", s.epochs},
            {"steps", s.steps},
            {"batch", s.batch},
            {"parameters", s.parameters},
            {"test_mse", s.test_mse},
            {"test_psnr_db", s.test_psnr_db},
            {"quantization_mse", s.quantization_mse},
            {"codebook", {{"size", s.codes}, {"perplexity", s.perplexity}, {"usage", s.usage}}}};
}
Json of(const Stage2& s) {
    return {{"seconds", s.seconds},
            {"tokens_per_second", s.tokens_per_second},
            {"epochs", s.epochs},
            {"steps", s.steps},
            {"batch", s.batch},
            {"parameters", s.parameters},
            {"test_nats_per_token", s.test_nats_per_token},
            {"test_bits_per_image", s.test_bits_per_image}};
}
Json of(const Sampling& s, const Options& o, const std::vector<std::string>& class_names) {
    Json json{{"seconds", s.seconds},
              {"images", s.count},
              {"images_per_second", s.images_per_second},
              {"tokens_per_second", s.tokens_per_second},
              {"temperature", plain(s.temperature)},
              {"top_k", s.top_k},
              {"top_p", s.top_p},
              {"min_p", s.min_p},
              {"guidance", plain(s.guidance)}};
    if (s.passes != 0) json["passes"] = s.passes;
    if (s.passes != 0 && o.passes.value_or(0) > s.passes) json["passes_given"] = *o.passes;
    if (s.label) json["label"] = *s.label;
    if (s.label) json["class"] = class_names[*s.label];
    return json;
}

}  // namespace

std::string metrics_json(const Summary& summary, const Outcome& outcome) {
    const Options& o = summary.options;
    Json json{{"version", summary.version},
              {"preset", outcome.preset},
              {"quantizer", outcome.quantizer},
              {"order", outcome.order},
              {"seed", o.seed},
              {"threads", o.threads},
              {"simd", summary.simd},
              {"seconds_total", summary.seconds_total},
              {"peak_rss_mib", summary.peak_rss_mib}};
    if (!summary.data.empty())
        json["data"] = {{"source", summary.data},
                        {"train_images", summary.train_images},
                        {"test_images", summary.test_images},
                        {"classes", outcome.class_names.size()}};
    if (!o.load.empty()) json["loaded"] = o.load;
    if (outcome.stage1) json["stage1"] = of(*outcome.stage1);
    if (outcome.stage2) json["stage2"] = of(*outcome.stage2);
    json["sampling"] = of(outcome.sampling, o, outcome.class_names);
    name_non_finite(json);
    // a path may contain invalid UTF-8
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace digits
