// What is known of the rows before they run, and the part of each.

#include <bench/study/study.hpp>
#include <bench/study/table.hpp>

#include <tessera/core/error.hpp>

#include <optional>
#include <string>
#include <utility>

namespace study {

std::vector<RowFacts> rows() {
    return []<std::size_t... I>(std::index_sequence<I...>) {
        return std::vector<RowFacts>{{std::get<I>(table).group, std::get<I>(table).name, RowAt<I>::Bound::codes,
                                      RowAt<I>::Chosen::width, RowAt<I>::Bound::tokens, I}...};
    }
    (std::make_index_sequence<row_count>{});
}

Codes train(std::size_t place, const Sets& sets, const Settings& settings, Result& result) {
    constexpr std::size_t parts = STUDY_PARTS;
    std::optional<Codes> codes;
    [&]<std::size_t... Part>(std::index_sequence<Part...>) {
        static_cast<void>(
            ((place % parts == Part && (codes = train_part<Part>(place, sets, settings, result), true)) || ...));
    }
    (std::make_index_sequence<parts>{});
    if (!codes) throw tessera::StateError("study: no row " + std::to_string(place));
    return *std::move(codes);
}

}  // namespace study
