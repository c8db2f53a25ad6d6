#pragma once
// ParamRef: presents a single value that another object owns as a leaf of a parameter set.
//
//     template <class F, class... S>
//     static void each_state(F&& f, S&... s) {
//         visit_refs(f, "data.passes", ParamRef{s.passes_}...);
//     }
//
// A small class without a Param (a generator, a position in the data) takes part in each_state with it.

#include <tessera/core/param_path.hpp>
#include <tessera/core/shape.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <type_traits>

namespace tessera::inline TESSERA_ABI {

template <class T>
class ParamRef {
public:
    using Scalar = std::remove_const_t<T>;
    using Dims = Shape<>;

    explicit ParamRef(T& value) : value_{&value} {}

    std::span<T, 1> span() const { return std::span<T, 1>{value_, 1}; }
    T* data() const { return value_; }
    T& operator[](std::size_t) const { return *value_; }

    static constexpr std::array<std::size_t, 0> file_dims() { return {}; }
    static constexpr std::size_t from_file_index(std::size_t i) { return i; }

private:
    T* value_;
};

/// f(path, refs...). Visitors take leaves by reference; the parameters of this function are what they refer to.
template <class F, class... R>
void visit_refs(F& f, const ParamPath& path, R... refs) {
    f(path, refs...);
}

}  // namespace tessera
