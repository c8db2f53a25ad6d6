// report.html: the run on one self-contained page. No script, no other file, no network.

#include "chart.hpp"
#include "summary.hpp"
#include "text.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string_view>
#include <utility>

namespace digits {

namespace {

constexpr std::string_view style = R"css(
:root { color-scheme: light dark; --page: #f6f5f1; --card: #ffffff; --ink: #1d2129; --soft: #5d6470; --line: #e2e0d9;
  --axis: #9a9da4; --one: #2463c4; --two: #c2410c; --bars: #2463c4; --pad: clamp(0.9rem, 3vw, 1.5rem) }
@media (prefers-color-scheme: dark) {
  :root { --page: #14161a; --card: #1d2026; --ink: #e8e9ec; --soft: #a0a6b1; --line: #2f343c; --axis: #6a707b;
    --one: #7aa7f0; --two: #f19a5b; --bars: #7aa7f0 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI",
  Roboto, "Helvetica Neue", Arial, sans-serif; -webkit-text-size-adjust: 100% }
main { max-width: 1080px; margin: 0 auto; padding: clamp(1rem, 4vw, 2.5rem) clamp(0.75rem, 3vw, 2rem) }
header { margin-bottom: 1.5rem }
h1 { font-size: clamp(1.6rem, 5vw, 2.3rem); line-height: 1.15; letter-spacing: -0.02em; margin: 0 0 0.4rem }
h2 { font-size: 1.15rem; margin: 2.2rem 0 0.8rem; letter-spacing: -0.01em }
h3 { font-size: 1rem; margin: 0 0 0.1rem }
p { margin: 0; color: var(--soft); max-width: 68ch }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: var(--pad); min-width: 0 }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 0.75rem; margin: 0 }
.figures .card { padding: 0.8rem 1rem; display: flex; flex-direction: column; justify-content: space-between }
.figures dt { color: var(--soft); font-size: 0.82rem; line-height: 1.3 }
.figures dd { margin: 0.25rem 0 0; font-size: 1.6rem; line-height: 1.2; font-weight: 600; letter-spacing: -0.01em;
  font-variant-numeric: tabular-nums }
.figures dd small { display: block; font-size: 0.82rem; font-weight: 400; color: var(--soft); letter-spacing: 0 }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); gap: 0.75rem }
.three { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 290px), 1fr)); gap: 0.75rem }
.three .span { grid-column: 1 / -1 }
.card > p { font-size: 0.88rem; margin-bottom: 0.7rem }
figure { margin: 0 }
img { display: block; width: 100%; height: auto; image-rendering: pixelated; border-radius: 6px; background: #000 }
.labelled { display: flex; gap: 0.5rem; align-items: stretch }
.labelled ol { list-style: none; margin: 0; padding: 0; display: flex; flex-direction: column; color: var(--soft);
  font-variant-numeric: tabular-nums; font-size: 0.88rem; max-width: 28% }
.labelled li { flex: 1; display: flex; align-items: center; justify-content: flex-end; min-height: 0; overflow: hidden;
  white-space: nowrap; text-overflow: ellipsis; line-height: 1 }
.span .scroll img { width: auto; min-width: 100%; max-width: none }
.scroll { overflow-x: auto; flex: 1; min-width: 0 }
svg { display: block; width: 100%; height: auto; overflow: visible }
svg text { font-size: 11px; fill: var(--soft) }
svg .title { fill: var(--ink) }
svg .grid path { stroke: var(--line); fill: none }
svg .axis path { stroke: var(--axis); fill: none }
svg .line { fill: none; stroke-width: 1.75; stroke-linejoin: round; stroke-linecap: round }
svg .line.series1 { stroke: var(--one) } svg .line.series2 { stroke: var(--two) }
svg .dot { stroke: var(--card); stroke-width: 1 }
svg .dot.series1 { fill: var(--one) } svg .dot.series2 { fill: var(--two) }
svg .bars { fill: var(--bars) }
svg .reference { stroke: var(--two); stroke-dasharray: 4 3; fill: none; stroke-width: 1.5 }
.legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; font-size: 0.85rem; color: var(--soft); margin: 0 0 0.4rem }
.legend i { display: inline-block; width: 0.85rem; height: 0.2rem; border-radius: 1px; vertical-align: middle;
  margin-right: 0.4rem }
.legend .series1 i { background: var(--one) } .legend .series2 i { background: var(--two) }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem }
th, td { text-align: left; padding: 0.35rem 0; border-top: 1px solid var(--line); vertical-align: top;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere }
tr:first-child th, tr:first-child td { border-top: 0 }
th { font-weight: 400; color: var(--soft); padding-right: 1rem; width: 46% }
footer { margin-top: 2rem; font-size: 0.85rem; color: var(--soft) }
)css";

std::string base64(const tessera::Bytes& bytes) {
    constexpr std::string_view digit = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
        unsigned group = 0;
        for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (k < have ? bytes[i + k] : 0u);
        for (std::size_t k = 0; k < 4; ++k) out += k <= have ? digit[group >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

std::string image(const tessera::Bytes& png, const std::string& alt) {
    return "<img alt=\"" + escape_html(alt) + "\" src=\"data:image/png;base64," + base64(png) + "\">";
}

using Rows = std::vector<std::pair<std::string, std::string>>;

std::string table(const std::string& title, const Rows& rows) {
    std::string html = "<section class=\"card\"><h3>" + escape_html(title) + "</h3><table>";
    for (const auto& [key, value] : rows)
        html += "<tr><th scope=\"row\">" + escape_html(key) + "</th><td>" + escape_html(value) + "</td></tr>";
    return html + "</table></section>\n";
}

std::string figure(const std::string& name, const std::string& value, const std::string& unit = "") {
    return "<div class=\"card\"><dt>" + escape_html(name) + "</dt><dd>" + escape_html(value) +
           (unit.empty() ? "" : " <small>" + escape_html(unit) + "</small>") + "</dd></div>\n";
}

std::string card(const std::string& title, const std::string& text, const std::string& inside, bool wide = false) {
    return std::string{"<figure class=\"card"} + (wide ? " span" : "") + "\"><h3>" + escape_html(title) + "</h3><p>" +
           escape_html(text) + "</p>" + inside + "</figure>\n";
}

std::string chart_card(const std::string& text, const Chart& chart) {
    std::string legend = "<div class=\"legend\">";
    for (std::size_t i = 0; i < chart.lines.size(); ++i)
        legend += "<span class=\"series" + std::to_string(i + 1) + "\"><i></i>" + escape_html(chart.lines[i].name) +
                  "</span>";
    legend += "</div>";
    return card(chart.title, text, legend + draw(chart));
}

std::string seconds(double s) { return s < 100 ? fixed(s, 1) + " s" : clock_time(s) + " min"; }

std::string samples_card(const Outcome& outcome, const Pngs& pngs) {
    std::string rows;
    const auto& names = outcome.sample_row_names;
    if (!names.empty() && names.size() <= 30) {
        rows = "<ol aria-hidden=\"true\">";
        for (const std::string& name : names) rows += "<li>" + escape_html(name) + "</li>";
        rows += "</ol>";
    }
    const bool one_class =
        !names.empty() && std::ranges::all_of(names, [&](const auto& n) { return n == names.front(); });
    const std::string what = names.empty() ? "Images sampled from the prior."
                             : one_class   ? "Images sampled from the prior; all of class " + names.front() + "."
                                           : "Images sampled from the prior, one row per class.";
    const std::size_t columns = std::ranges::max(outcome.sample_rows);
    return card("Samples", what,
                "<div class=\"labelled\">" + rows + "<div class=\"scroll\">" +
                    image(pngs.samples, "samples of the model") + "</div></div>",
                columns > 2 * outcome.sample_rows.size());
}

std::string configuration(const Summary& s, const Outcome& outcome) {
    const Options& o = s.options;
    const Stage1& one = *outcome.stage1;
    const Stage2& two = *outcome.stage2;
    const Sampling& draw = outcome.sampling;
    const auto stage = [](const auto& t) {
        return Rows{{"parameters", grouped(t.parameters)},
                    {"epochs", grouped(t.epochs)},
                    {"batch", grouped(t.batch)},
                    {"steps", grouped(t.steps)},
                    {"learning rate", "up to " + significant(t.lr, 2) + ", cosine"}};
    };
    Rows first = stage(one), second = stage(two);
    first.insert(first.begin(), {outcome.quantizer, grouped(one.codes) + " tokens, width " + grouped(one.code_width)});
    first.push_back({"optimiser", "AdamW"});
    first.push_back({"time", seconds(one.seconds)});
    first.push_back({"speed", grouped_number(one.images_per_second) + " images/s"});
    second.insert(second.begin(), {"tokens per image", grouped(two.context)});
    second.push_back({"optimiser", "Muon; for embeddings, norms, biases and head AdamW, with a lower rate"});
    second.push_back({"time", seconds(two.seconds)});
    second.push_back({"speed", grouped_number(two.tokens_per_second) + " tokens/s"});
    Rows run{{"preset", outcome.preset},
             {"quantizer", outcome.quantizer},
             {"order", outcome.order},
             {"data", s.data},
             {"images", grouped(s.train_images) + " for training, " + grouped(s.test_images) + " for testing"},
             {"content", s.content},
             {"seed", std::to_string(o.seed)},
             {"threads", std::to_string(o.threads)},
             {"SIMD", s.simd},
             {"version", s.version},
             {"peak memory", fixed(s.peak_rss_mib, 0) + " MiB"}};
    for (const std::string& warning : s.warnings) run.push_back({"note", warning});
    Rows sampling{{"images", grouped(draw.count)},
                  {"temperature", significant(static_cast<double>(draw.temperature))},
                  {"top-k", draw.top_k == 0 ? "off" : std::to_string(draw.top_k)},
                  {"top-p", draw.top_p >= 1 ? "off" : significant(draw.top_p)},
                  {"min-p", draw.min_p <= 0 ? "off" : significant(draw.min_p)},
                  {"guidance", draw.guidance == 1 ? "off" : significant(static_cast<double>(draw.guidance))},
                  {"class", draw.label ? outcome.class_names[*draw.label] : "each in turn"},
                  {"time", seconds(draw.seconds)},
                  {"speed", significant(draw.images_per_second) + " images/s, " +
                                grouped_number(draw.tokens_per_second) + " tokens/s"}};
    if (draw.passes != 0) sampling.insert(sampling.begin() + 1, {"passes", describe_passes(draw.passes, o.passes)});
    return "<h2>Configuration</h2>\n<div class=\"two\">\n" + table("Run", run) + table("Stage 1, VQ-VAE", first) +
           table("Stage 2, GPT", second) + table("Sampling", sampling) + "</div>\n";
}

}  // namespace

std::string report_html(const Summary& s, const Outcome& outcome, const Pngs& pngs) {
    const Stage1& one = *outcome.stage1;
    const Stage2& two = *outcome.stage2;

    const bool any_order = outcome.order == name(Order::any);
    std::vector<double> shares;
    double total = 0;
    for (const std::size_t n : one.counts) total += static_cast<double>(n);
    for (const std::size_t n : one.counts) shares.push_back(100 * static_cast<double>(n) / std::max(total, 1.0));
    std::ranges::sort(shares, std::greater{});
    const double even = 100 / static_cast<double>(std::max<std::size_t>(shares.size(), 1));

    std::string html = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                       "<title>tessera: a run on " +
                       escape_html(s.data) + "</title>\n<style>" + std::string{style} +
                       "</style>\n</head>\n<body>\n<main>\n<header>\n<h1>Two stages in " +
                       escape_html(seconds(s.seconds_total)) + "</h1>\n<p>A VQ-VAE with a vocabulary of " +
                       grouped(one.codes) + " tokens was trained on " + grouped(s.train_images) + " images (" +
                       escape_html(s.data) + "). A GPT was trained on their tokens, " +
                       (any_order ? "in random orders, " : "") + std::to_string(two.context) +
                       " per image, and samples new images.</p>\n</header>\n";

    html += "<dl class=\"figures\">\n" +
            figure("reconstructions, test", std::isinf(one.test_psnr_db) ? "exact" : fixed(one.test_psnr_db, 2),
                   "dB PSNR") +
            figure("tokens in use", fixed(100 * one.usage, 1), "%") +
            figure("perplexity of tokens", fixed(one.perplexity, 0), "of " + std::to_string(one.codes)) +
            figure("prior, test", fixed(two.test_nats_per_token, 3), "nats/token") +
            figure("bits per image", fixed(two.test_bits_per_image, 0), "bits") +
            figure("new images", grouped_number(outcome.sampling.images_per_second), "per second") + "</dl>\n";

    html += "<h2>Pictures</h2>\n<div class=\"three\">\n" + samples_card(outcome, pngs) +
            card("Reconstructions",
                 "Test images, and below each its reconstruction from " + std::to_string(two.context) + " tokens.",
                 image(pngs.reconstructions, "test images and their reconstructions")) +
            card("Codebook", "Each token: the centre of an image that has it at every position.",
                 image(pngs.codebook, "all tokens, decoded")) +
            "</div>\n";

    html +=
        "<h2>Curves</h2>\n<div class=\"two\">\n" +
        chart_card("Mean squared error per pixel, logarithmic axis.",
                   {"Stage 1: reconstruction",
                    "epoch",
                    "squared error",
                    {{"training", one.train_mse}, {"test", one.test_mse_curve, true}},
                    true}) +
        chart_card("exp of the entropy of a batch's tokens; at most " + std::to_string(one.codes) + ".",
                   {"Stage 1: perplexity", "epoch", "perplexity", {{"training", one.perplexity_curve}}}) +
        chart_card(std::string{"Cross-entropy of the next token"} + (any_order ? " in a random order" : "") +
                       ". A uniform distribution has " + fixed(std::log(static_cast<double>(one.codes)), 2) + " nats.",
                   {"Stage 2: prior",
                    "epoch",
                    "nats per token",
                    {{"training", two.train_nats}, {"test", two.test_nats_curve, true}}}) +
        card("Stage 1: use of the codes", "Share of each token among those of the test images, in descending order.",
             draw(Bars{"Use of the codes", "tokens, by frequency", "share (%)", shares, even, "uniform"})) +
        "</div>\n";

    return html + configuration(s, outcome) + "<footer>Written by tessera " + escape_html(s.version) +
           "; the results are in metrics.json, the weights in "
           "model.safetensors.</footer>\n</main>\n</body>\n</html>\n";
}

}  // namespace digits
