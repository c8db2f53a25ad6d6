// The images of the study, from IDX files, and their 32 x 32 form.

#include <bench/study/study.hpp>

#include <tessera/core/error.hpp>
#include <tessera/data/mnist.hpp>
#include <tessera/image/resize.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace study {

namespace ts = tessera;

namespace {

using Digits = ts::data::Images<ts::Shape<28, 28, 1>>;

// Evenly spaced images: the files may be sorted by class.
Digits some(Digits all, std::size_t limit) {
    if (limit == 0 || limit >= all.size()) return all;
    std::vector<std::size_t> chosen(limit);
    for (std::size_t i = 0; i < limit; ++i) chosen[i] = i * all.size() / limit;
    return all.subset(chosen);
}

// "pad": zeros around the image, equally on all sides; "resize": bilinear.
template <class To>
To fitted(const Digits& from, const std::string& fit) {
    if constexpr (std::same_as<To, Digits>) {
        return from;
    } else {
        constexpr std::size_t to = Image::dims[0], margin = (to - 28) / 2;
        std::vector<std::uint8_t> bytes;
        bytes.reserve(from.size() * Image::size);
        for (std::size_t i = 0; i < from.size(); ++i) {
            const auto pixels = from.pixels(i);
            ts::image::Pixels image{28, 28, 1, {pixels.begin(), pixels.end()}};
            if (fit == "resize") {
                image = ts::image::resize_and_crop(image, to, to);
            } else {
                ts::image::Pixels padded{to, to, 1, ts::Bytes(to * to)};
                for (std::size_t y = 0; y < 28; ++y)
                    std::copy_n(image.at(y, 0), 28,
                                padded.values.begin() + static_cast<std::ptrdiff_t>((y + margin) * to + margin));
                image = std::move(padded);
            }
            bytes.insert(bytes.end(), image.values.begin(), image.values.end());
        }
        return To{std::move(bytes)};
    }
}

}  // namespace

Sets load(const Settings& settings) {
    auto mnist = ts::data::load_mnist(settings.data);
    Sets sets{fitted<Images>(some(std::move(mnist.train), settings.limit), settings.fit),
              fitted<Images>(some(std::move(mnist.test), settings.limit), settings.fit)};
    for (const Images* images : {&sets.train, &sets.test})
        if (images->size() == 0)
            throw ts::DataError("study: " + settings.data +
                                ": images: expected at least one for training and one for "
                                "testing, got none");
    return sets;
}

}  // namespace study
