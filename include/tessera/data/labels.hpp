#pragma once
// Labels: the class of each example of a dataset, or nothing, checked once at construction.
//
// Errors   DataError where the number of labels is not that of the examples, where there are classes and examples but
//          no labels, or a label is out of range or -1

#include <tessera/core/error.hpp>
#include <tessera/core/label.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::data {

class Labels {
public:
    Labels() = default;
    /// `classes` 0 means one more than the largest label. `examples` is the expected number of labels, and `where`
    /// begins every message.
    Labels(std::vector<Label> labels, std::size_t classes, std::size_t examples, std::string_view where)
        : values_{std::move(labels)}, classes_{classes} {
        const std::string prefix{where};
        if (values_.empty() && classes_ != 0 && examples != 0)
            throw DataError(prefix + ": labels: " +
                            expected_got("one of " + std::to_string(classes_) + " classes for each of " +
                                             std::to_string(examples) + " examples",
                                         "none: pass 0 classes for data without labels"));
        if (values_.empty()) return;
        if (values_.size() != examples) throw DataError(prefix + ": labels: " + expected_got(examples, values_.size()));
        if (classes_ == 0) count_classes(prefix);
        for (std::size_t i = 0; i < values_.size(); ++i)
            if (values_[i].index >= classes_)
                throw DataError(
                    prefix + ": label " + std::to_string(i) + ": " +
                    expected_got("less than " + std::to_string(classes_), std::to_string(values_[i].index)));
    }

    [[nodiscard]] bool empty() const { return values_.empty(); }
    [[nodiscard]] std::size_t classes() const { return classes_; }
    [[nodiscard]] std::span<const Label> span() const { return values_; }
    [[nodiscard]] Label operator[](std::size_t i) const { return values_[i]; }

private:
    void count_classes(const std::string& prefix) {
        for (std::size_t i = 0; i < values_.size(); ++i) {
            const std::size_t c = values_[i].index;
            if (c == (std::numeric_limits<std::uint32_t>::max)())
                throw DataError(prefix + ": label " + std::to_string(i) + ": " +
                                expected_got("the number of a class",
                                             std::to_string(c) + ", which is -1: leave examples without a class out, "
                                                                 "or give them a class"));
            classes_ = (std::max)(classes_, c + 1);
        }
    }

    std::vector<Label> values_;
    std::size_t classes_ = 0;
};

}  // namespace tessera::data
