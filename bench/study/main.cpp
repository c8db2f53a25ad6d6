// tessera_study: trains one row of the table and writes its result as JSON. run.sh calls it, once for each row, so that
// the peak of its memory is that of the row.
//
//     tessera_study --list                                  the rows, one JSON object a line
//     tessera_study <row> --data DIR --result FILE [--epochs N] [--epochs-prior N] [--limit N] [--seed N] [--threads N]
//                   [--fit pad|resize] [--batch N] [--lr X] [--revive-below X] [--limit-prior N]

#include <bench/study/study.hpp>

#include <tessera/core/error.hpp>
#include <tessera/files/bytes.hpp>
#include <tessera/files/file.hpp>
#include <tessera/files/utf8.hpp>
#include <tessera/kernel/simd/simd_name.hpp>
#include <tessera/version.hpp>

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace study;

namespace {

[[noreturn]] void refuse(const std::string& what, std::string_view expected, std::string_view got) {
    throw tessera::ArgumentError(what + ": " + tessera::expected_got(expected, got));
}

std::uint64_t whole(const std::string& option, const std::string& text, std::uint64_t least) {
    std::uint64_t n = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, n);
    if (error != std::errc{} || stop != end || n < least)
        refuse(option, "a whole number of at least " + std::to_string(least), text);
    return n;
}

double positive(const std::string& option, const std::string& text) {
    double x = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, x);
    if (error != std::errc{} || stop != end || !std::isfinite(x) || !(x > 0)) refuse(option, "a number above 0", text);
    return x;
}

struct Arguments {
    Settings settings;
    std::string result;
    bool list = false;
};

Arguments parse(const std::vector<std::string>& words) {
    Arguments a;
    Settings& s = a.settings;
    s.threads = std::max(1u, std::thread::hardware_concurrency());
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (word == "--list") {
            a.list = true;
            continue;
        }
        if (!word.starts_with("--")) {
            if (!s.row.empty()) refuse("row", "one row", word);
            s.row = word;
            continue;
        }
        if (i + 1 == words.size()) refuse(word, "a value", "nothing");
        const std::string& value = words[++i];
        if (word == "--data")
            s.data = value;
        else if (word == "--result")
            a.result = value;
        else if (word == "--fit")
            s.fit = value;
        else if (word == "--epochs")
            s.epochs = whole(word, value, 1);
        else if (word == "--epochs-prior")
            s.epochs_prior = whole(word, value, 0);
        else if (word == "--batch")
            s.batch = whole(word, value, 1);
        else if (word == "--lr")
            s.lr = positive(word, value);
        else if (word == "--revive-below")
            s.revive_below = positive(word, value);
        else if (word == "--limit")
            s.limit = whole(word, value, 0);
        else if (word == "--limit-prior")
            s.limit_prior = whole(word, value, 1);
        else if (word == "--seed")
            s.seed = whole(word, value, 0);
        else if (word == "--threads")
            s.threads = whole(word, value, 1);
        else
            refuse("option",
                   "--list, --data, --result, --fit, --epochs, --epochs-prior, --batch, --lr, "
                   "--revive-below, --limit, --limit-prior, --seed or --threads",
                   word);
    }
    if (a.list) return a;
    if (s.row.empty() || s.data.empty() || a.result.empty())
        refuse("command line", "a row, --data and --result", "less");
    const bool fits = Image::dims[0] == 28 ? s.fit.empty() : s.fit == "pad" || s.fit == "resize";
    if (!fits) refuse("--fit", Image::dims[0] == 28 ? "none for 28 x 28 pixels" : "pad or resize", s.fit);
    return a;
}

// Names and versions are ASCII without quotes; a number that is not finite is null.
class Json {
public:
    Json& add(std::string_view key, std::string_view text) { return raw(key, '"' + std::string{text} + '"'); }
    Json& add(std::string_view key, double x) {
        std::array<char, 32> digits{};
        std::snprintf(digits.data(), digits.size(), "%.9g", x);
        return raw(key, std::isfinite(x) ? digits.data() : "null");
    }
    Json& add(std::string_view key, std::uint64_t n) { return raw(key, std::to_string(n)); }
    std::string str() const { return '{' + text_ + '}'; }

private:
    Json& raw(std::string_view key, const std::string& value) {
        text_ += (text_.empty() ? "\"" : ", \"") + std::string{key} + "\": " + value;
        return *this;
    }
    std::string text_;
};

Json of(const RowFacts& row) {
    Json json;
    json.add("row", row.name)
        .add("group", row.group)
        .add("codes", std::uint64_t{row.codes})
        .add("width", std::uint64_t{row.width})
        .add("tokens", std::uint64_t{row.tokens});
    return json;
}

void run(const Arguments& a) {
    const auto all = rows();
    const Settings& s = a.settings;
    const auto row = std::ranges::find(all, s.row, &RowFacts::name);
    if (row == all.end()) refuse("row", "a name that --list shows", s.row);
    const Sets sets = load(s);
    Result r;
    const Codes codes = train(row->place, sets, s, r);
    if (row->group == "quantizers" && s.epochs_prior > 0) train_prior(row->codes, row->tokens, codes, s, r);

    Json json = of(*row);
    json.add("steps", std::uint64_t{r.steps})
        .add("images", std::uint64_t{sets.train.size()})
        .add("test_images", std::uint64_t{sets.test.size()})
        .add("parameters", std::uint64_t{r.parameters})
        .add("mse", r.mse)
        .add("psnr_db", r.psnr_db)
        .add("mean_psnr_db", r.mean_psnr_db)
        .add("perplexity", r.perplexity)
        .add("usage", r.usage)
        .add("quantization_mse", r.quantization_mse)
        .add("seconds", r.seconds)
        .add("images_per_second", r.images_per_second)
        .add("peak_mib", r.peak_mib);
    if (r.has_prior)
        json.add("prior_steps", std::uint64_t{r.prior_steps})
            .add("nats_per_token", r.nats_per_token)
            .add("nats_per_image", r.nats_per_image)
            .add("prior_seconds", r.prior_seconds)
            .add("prior_peak_mib", r.prior_peak_mib);
    json.add("simd", tessera::kernel::simd::name())
        .add("version", std::to_string(TESSERA_VERSION_MAJOR) + '.' + std::to_string(TESSERA_VERSION_MINOR) + '.' +
                            std::to_string(TESSERA_VERSION_PATCH));
    const std::string line = json.str() + '\n';
    tessera::write_file(a.result, tessera::io::as_bytes(line));
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const Arguments a = parse({argv + 1, argv + argc});
        if (a.list) {
            for (const RowFacts& row : rows()) std::printf("%s\n", of(row).str().c_str());
            return 0;
        }
        const tbb::global_control threads{tbb::global_control::max_allowed_parallelism, a.settings.threads};
        tbb::task_arena arena{static_cast<int>(a.settings.threads)};
        arena.execute([&] { run(a); });
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "tessera_study: %s\n", error.what());
        return 1;
    }
}
