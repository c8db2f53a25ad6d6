#pragma once
// The beam search of ResidualVq: of all chains of tokens, one of each level, it keeps the few with the smallest rest.

#include <tessera/core/buffer.hpp>
#include <tessera/core/token.hpp>
#include <tessera/kernel/reduce.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <vector>

namespace tessera::inline TESSERA_ABI::vq::detail {

template <std::floating_point T>
class ResidualBeam {
public:
    /// The largest beam: with it the number of elements of the buffers, 16 beam^2 width, does not overflow.
    static constexpr std::size_t most = 65536;

    /// The best chain of each row of z. few(l, rest, count, tokens, q, scratch) writes the `count` nearest tokens of
    /// level l for each row of `rest`, and their q; sizes: of the vocabularies. A row without a chain gets no_token.
    template <class Few>
    void search(std::size_t beam, std::size_t width, std::span<const std::size_t> sizes, std::span<const T> z,
                Token* chains, Few&& few) {
        const std::size_t rows = z.size() / width, depth = sizes.size();
        for (std::size_t first = 0; first < rows; first += block) {
            const std::size_t some = (std::min)(block, rows - first);
            resize_cache(some * beam, beam, width, depth);
            std::copy_n(z.data() + first * width, some * width, rest_.data());
            std::size_t kept = 1;  // chains of each row so far
            for (std::size_t l = 0; l < depth; ++l) {
                few(l, std::span<const T>{rest_.data(), some * kept * width}, beam,
                    std::span<Token>{tokens_.data(), some * kept * beam},
                    std::span<T>{q_.data(), some * kept * beam * width}, scratch_);
                const std::size_t next = l + 1 == depth ? 1 : (std::min)(beam, kept * (std::min)(beam, sizes[l]));
                for (std::size_t m = 0; m < some; ++m) extend(m, l, kept, next, beam, width, depth);
                std::swap(rest_, next_rest_);
                std::swap(chains_, next_chains_);
                kept = next;
            }
            std::copy_n(chains_.data(), some * depth, chains + first * depth);
        }
    }

private:
    static constexpr std::size_t block = 16;

    struct Candidate {
        double error;      // |rest - q|^2
        std::size_t from;  // index of the chain times beam, plus the place of the token
    };

    void resize_cache(std::size_t chains, std::size_t beam, std::size_t width, std::size_t depth) {
        const auto grow = [](auto& values, std::size_t size) {
            if (values.size() < size) values.resize(size);
        };
        grow(rest_, chains * width);
        grow(next_rest_, chains * width);
        grow(q_, chains * beam * width);
        grow(tokens_, chains * beam);
        grow(chains_, chains * depth);
        grow(next_chains_, chains * depth);
        grow(best_, beam);
    }

    // The best `next` continuations of the `kept` chains of row m; of two with one error the earlier one is better. A
    // row with fewer repeats its best; one with none continues without a token.
    void extend(std::size_t m, std::size_t l, std::size_t kept, std::size_t next, std::size_t beam, std::size_t width,
                std::size_t depth) {
        std::size_t found = 0;
        for (std::size_t from = 0; from < kept * beam; ++from) {
            if (tokens_[m * kept * beam + from] == no_token) continue;
            const T* const rest = rest_.data() + (m * kept + from / beam) * width;
            const T* const q = q_.data() + (m * kept * beam + from) * width;
            const double error = kernel::squared_error<T>({rest, width}, {q, width});
            if (found == next && !(error < best_[found - 1].error)) continue;
            std::size_t at = found < next ? found++ : found - 1;
            for (; at > 0 && error < best_[at - 1].error; --at) best_[at] = best_[at - 1];
            best_[at] = {error, from};
        }
        for (std::size_t c = 0; c < next; ++c) {
            const std::size_t from = found == 0 ? 0 : best_[c < found ? c : 0].from;
            Token* const chain = next_chains_.data() + (m * next + c) * depth;
            std::copy_n(chains_.data() + (m * kept + from / beam) * depth, l, chain);
            chain[l] = found == 0 ? no_token : tokens_[m * kept * beam + from];
            const T* const rest = rest_.data() + (m * kept + from / beam) * width;
            const T* const q = q_.data() + (m * kept * beam + from) * width;
            T* const to = next_rest_.data() + (m * next + c) * width;
            for (std::size_t i = 0; i < width; ++i) to[i] = rest[i] - q[i];
        }
    }

    Buffer<T> rest_, next_rest_, q_, scratch_;
    std::vector<Token> tokens_, chains_, next_chains_;
    std::vector<Candidate> best_;
};

}  // namespace tessera::vq::detail
