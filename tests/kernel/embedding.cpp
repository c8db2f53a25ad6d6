#include <tessera/kernel/embedding.hpp>

#include <tessera/core/token.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>

#include <vector>

using support::numbers;
using tessera::Token;
namespace kernel = tessera::kernel;

TEST_CASE_TEMPLATE("embedding: rows of the table plus rows of the positions, and gradients are added in order", T,
                   float, double) {
    support::Mismatch wrong;
    for (const std::size_t width : {1u, 7u, 8u, 9u, 31u, 33u}) {
        const std::size_t samples = 3, tokens = 5, vocab = 6;
        tessera::Rng rng{width};
        std::vector<Token> x(samples * tokens);
        for (auto& token : x) token = static_cast<Token>(rng.below(vocab));
        const auto table = numbers<T>(vocab * width, 1), position = numbers<T>(tokens * width, 2),
                   dy = numbers<T>(x.size() * width, 3);
        std::vector<T> y(dy.size()), dtable(table.size(), T(1)), dposition(position.size(), T(1));
        kernel::embedding_forward<T, Token>(x, width, table, position, y);
        kernel::embedding_backward<T, Token>(x, width, dy, dtable, dposition);

        std::vector<T> ty(y.size()), tt(table.size(), T(1)), tp(position.size(), T(1));
        for (std::size_t i = 0; i < x.size(); ++i)
            for (std::size_t c = 0; c < width; ++c) {
                ty[i * width + c] = table[x[i] * width + c] + position[i % tokens * width + c];
                tt[x[i] * width + c] += dy[i * width + c];
                tp[i % tokens * width + c] += dy[i * width + c];
            }
        std::vector<T> plain(dy.size()), dplain(table.size(), T(1)), rows(y.size());
        kernel::embedding_forward<T, Token>(x, width, table, plain);
        kernel::embedding_backward<T, Token>(x, width, dy, dplain);
        for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = table[x[i / width] * width + i % width];
        wrong.compare(rows, plain, "y without positions, width = ", width);
        wrong.compare(tt, dplain, "dtable without positions, width = ", width);
        wrong.compare(ty, y, "y, width = ", width);
        wrong.compare(tt, dtable, "dtable, width = ", width);
        wrong.compare(tp, dposition, "dposition, width = ", width);
    }
    CHECK(wrong.first() == "");
}
