#include <tessera/kernel/placed_embedding.hpp>

#include <tessera/core/token.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>

#include <vector>

using support::numbers;
using tessera::Token;
namespace kernel = tessera::kernel;

TEST_CASE_TEMPLATE("placed_embedding: rows of both tables are added, and gradients are added in order", T, float,
                   double) {
    support::Mismatch wrong;
    for (const std::size_t width : {1u, 7u, 8u, 9u, 31u, 33u}) {
        const std::size_t count = 15, vocab = 6, places = 4;
        tessera::Rng rng{width};
        std::vector<Token> x(count);
        for (auto& token : x) token = static_cast<Token>(rng.below(vocab * places));
        const auto table = numbers<T>(vocab * width, 1), position = numbers<T>(places * width, 2),
                   dy = numbers<T>(count * width, 3);
        std::vector<T> y(dy.size()), dtable(table.size(), T(1)), dposition(position.size(), T(1));
        kernel::placed_embedding_forward<T, Token>(x, width, table, position, y);
        kernel::placed_embedding_backward<T, Token>(x, width, dy, dtable, dposition);

        std::vector<T> ty(y.size()), tt(table.size(), T(1)), tp(position.size(), T(1));
        for (std::size_t i = 0; i < count; ++i)
            for (std::size_t c = 0; c < width; ++c) {
                const std::size_t token = x[i] % vocab, place = x[i] / vocab;
                ty[i * width + c] = table[token * width + c] + position[place * width + c];
                tt[token * width + c] += dy[i * width + c];
                tp[place * width + c] += dy[i * width + c];
            }
        wrong.compare(ty, y, "y, width = ", width);
        wrong.compare(tt, dtable, "dtable, width = ", width);
        wrong.compare(tp, dposition, "dposition, width = ", width);
    }
    CHECK(wrong.first() == "");
}
