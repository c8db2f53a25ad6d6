// quantizer/<name>                as quantizer.cpp, for the quantizers that only the study has (bench/study/table.hpp)

#include <bench/rows.hpp>
#include <bench/step/quantizer.hpp>
#include <bench/study/table.hpp>

#include <tuple>
#include <type_traits>

namespace bench {

void add_study_quantizers(Rows& rows) {
    std::apply(
        [&](const auto&... row) {
            (add_quantizer<typename std::remove_cvref_t<decltype(row)>::Bound>(rows, row.name), ...);
        },
        study::only_here);
}

}  // namespace bench
