#pragma once
// UnchangedSize: the number of examples of a dataset at the start of a loop over it, which must not change until its
// end: a dataset that another thread fills would otherwise be read beyond what was allocated for it.
//
// Errors   StateError where the number has changed
// Cost     one call of size() for each check

#include <tessera/core/error.hpp>

#include <cstddef>
#include <string>

namespace tessera::inline TESSERA_ABI::data {

class UnchangedSize {
public:
    /// `where` begins the message: "VqVae::encode"
    template <class D>
    UnchangedSize(const D& dataset, const char* where) : size_{dataset.size()}, where_{where} {}

    [[nodiscard]] std::size_t size() const { return size_; }
    template <class D>
    void refuse_change(const D& dataset) const {
        if (const std::size_t now = dataset.size(); now != size_)
            throw StateError(std::string{where_} + ": dataset: expected " + std::to_string(size_) +
                             " examples to the end, as at the beginning, got " + std::to_string(now));
    }

private:
    std::size_t size_;
    const char* where_;
};

}  // namespace tessera::data
