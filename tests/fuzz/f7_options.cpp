// F7: any words as a command line of `digits`; input that begins with a quote as a piece of JSON text.

#include "target.hpp"

#include <support/options.hpp>

#include <tessera/files/json_reader.hpp>

#include <string>
#include <vector>

void fuzz::one(tessera::ByteView input) {
    using namespace tessera;
    if (!input.empty() && input[0] == '"') {  // no option begins with a quote; parsing options takes 100 times as long
        try {
            io::JsonReader reader{input, "input", 0};
            const std::string text = reader.string("a text");
            demand(io::first_invalid_utf8(io::as_bytes(text)) == text.size(), "text is UTF-8");
        } catch (const FormatError&) {
        }
        return;
    }

    std::vector<std::string> words{"digits"};
    for (const unsigned char b : input) {
        if (words.size() == 1 && words.back() == "digits") words.emplace_back();
        if (b == 0 || b == '\n')
            words.emplace_back();
        else
            words.back() += static_cast<char>(b);
    }
    std::vector<char*> arguments;
    for (std::string& w : words) arguments.push_back(w.data());
    try {
        const digits::Options o = digits::parse(static_cast<int>(arguments.size()), arguments.data());
        demand(o.threads >= 1 && o.samples >= 1 && o.checkpoint_every >= 1, "numbers are in their range");
        demand(!o.resume || !o.checkpoint.empty(), "--resume needs --checkpoint");
    } catch (const digits::Stop& stop) {
        demand((stop.code == 0 || stop.code == 2) && !stop.text.empty(), "a refusal says why");
    }
}
