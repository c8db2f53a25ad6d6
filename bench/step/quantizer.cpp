// quantizer/<name>                images per second of a quantizer alone in training, 64 images of 7 x 7 positions, one
//                                 thread: tokens and q, the gradient, loss terms, statistics and their update
//
// The rows are those of examples/support/quantizers.hpp with preset std, and, in quantizer_study.cpp, those that only
// the study has. Peers: the same quantizers of vector-quantize-pytorch, forward and backward in training.

#include <bench/rows.hpp>
#include <bench/step/quantizer.hpp>

#include <examples/support/quantizers.hpp>

#include <cstddef>
#include <tuple>
#include <utility>

namespace bench {

void add_quantizers(Rows& rows) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        (add_quantizer<typename digits::Chosen<I, digits::Preset::std>::template Bound<>>(
             rows, std::get<I>(digits::quantizer_table).name),
         ...);
    }
    (std::make_index_sequence<digits::quantizer_count>{});
}

}  // namespace bench
