#pragma once
// The contract of every communicator, and the results of the functions that use it: run by the threads of tests/dist
// and by the processes of tests/mpi. Each check is called by all ranks; it returns the first error, or "".

#include <tessera/core/param.hpp>
#include <tessera/dist/all_gather_count.hpp>
#include <tessera/dist/all_gather_rows.hpp>
#include <tessera/dist/broadcast_state.hpp>
#include <tessera/dist/communicator.hpp>
#include <tessera/dist/in_turn.hpp>
#include <tessera/dist/message.hpp>
#include <tessera/dist/same_everywhere.hpp>
#include <tessera/dist/sum_tree.hpp>
#include <tessera/nn/exec/grouped.hpp>

#include <support/bits.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace support {

namespace dist = tessera::dist;

// Two leaves; sums of samples depend on their order in the last bits.
template <class T>
struct Weights {
    tessera::Param<T, tessera::Shape<5>> narrow;
    tessera::Param<T, tessera::Shape<3, 501>> wide;

    template <class F, class... P>
    static void each(F&& f, P&... p) {
        f("narrow", p.narrow...);
        f("wide", p.wide...);
    }
};
template <class T>
void add_samples(std::size_t first, std::size_t count, Weights<T>& sum) {
    for (std::size_t n = first; n < first + count; ++n)
        Weights<T>::each(
            [&](const tessera::ParamPath&, auto& leaf) {
                for (std::size_t i = 0; i < leaf.span().size(); ++i)
                    leaf[i] += static_cast<T>((n * 7919 + i * 104729) % 1009) * T(0.37) - T(186);
            },
            sum);
}

/// The gradient of samples first .. first + count - 1 of a batch, as a training step computes it.
template <class T>
Weights<T> gradient(std::size_t first, std::size_t count) {
    tessera::nn::Grouped<Weights<T>, int, T> groups;
    Weights<T> sum;
    groups.run(count, sum, [&](std::size_t at, std::size_t n, std::size_t, int&, Weights<T>& g) {
        add_samples<T>(first + at, n, g);
    });
    return sum;
}

struct Counts {
    tessera::Param<std::int64_t, tessera::Shape<3>> value;

    template <class F, class... P>
    static void each(F&& f, P&... p) {
        f("value", p.value...);
    }
};

struct Model {
    static constexpr const char* kind = "model";
    Weights<float> weights;
    tessera::Param<std::int64_t, tessera::Shape<2>> counts;
    std::string heads = "4";
    int changed = 0;

    template <class F, class... M>
    static void each_state(F&& f, M&... models) {
        Weights<float>::each(tessera::with_prefix("weights", f), models.weights...);
        f("counts", models.counts...);
    }
    std::vector<std::pair<std::string, std::string>> metadata() const { return {{"heads", heads}}; }
    void state_changed() { ++changed; }
};
/// A model around another, as a Trainer is.
struct Wrapper {
    static constexpr const char* kind = "wrapper";
    Model& model;

    template <class F, class... W>
    static void each_state(F&& f, W&... wrappers) {
        Model::each_state(f, wrappers.model...);
    }
    const Model& wrapped() const { return model; }
};

namespace contract {

inline std::string wrong(const std::string& what, std::size_t expected, std::size_t got) {
    return what + ": " + tessera::expected_got(expected, got);
}

/// Many lengths around the ring of ranks, in order; then a broadcast from every rank.
template <dist::Communicator C>
std::string messages(C& c) {
    const std::size_t rank = c.rank(), size = c.size();
    if (rank >= size) return wrong("rank", size - 1, rank);
    const std::array<std::size_t, 6> lengths{1, 0, 7, 4096, 100'000, 3'000'000};
    for (std::size_t i = 0; size > 1 && i < lengths.size(); ++i) {
        std::vector<std::byte> out(lengths[i], static_cast<std::byte>(rank * 16 + i)), in(lengths[i]);
        const std::size_t next = (rank + 1) % size, before = (rank + size - 1) % size;
        if (rank == 0) c.send(out, next);  // the first one sends first: send may wait for its receiver
        c.receive(in, before);
        if (rank != 0) c.send(out, next);
        for (const std::byte b : in)
            if (b != static_cast<std::byte>(before * 16 + i))
                return wrong("message of " + std::to_string(lengths[i]) + " bytes", before * 16 + i,
                             std::to_integer<std::size_t>(b));
    }
    for (std::size_t root = 0; root < size; ++root) {
        std::vector<std::byte> bytes(70'001, static_cast<std::byte>(rank + 1));
        c.broadcast(bytes, root);
        for (const std::byte b : bytes)
            if (b != static_cast<std::byte>(root + 1))
                return wrong("broadcast", root + 1, std::to_integer<std::size_t>(b));
    }
    return {};
}

template <dist::Communicator C>
std::string refuses_ranks(C& c) {
    std::array<std::byte, 4> bytes{};
    const std::size_t size = c.size();
    for (const std::size_t other : {c.rank(), size}) {
        const std::string end = "expected another rank than " + std::to_string(c.rank()) + " of " +
                                std::to_string(size) + ", got rank " + std::to_string(other);
        std::string text = message<tessera::ArgumentError>([&] { c.send(bytes, other); });
        if (!contains(text, ": send: " + end)) return "send to " + std::to_string(other) + ": " + text;
        text = message<tessera::ArgumentError>([&] { c.receive(bytes, other); });
        if (!contains(text, ": receive: " + end)) return "receive from " + std::to_string(other) + ": " + text;
    }
    const std::string text = message<tessera::ArgumentError>([&] { c.broadcast(bytes, size); });
    if (!contains(text, ": broadcast: expected a rank less than " + std::to_string(size) + ", got rank " +
                            std::to_string(size)))
        return "broadcast: " + text;
    return {};
}

/// Any number of groups, the last one not full: all ranks have the bits of one process with the whole batch.
template <class T, dist::Communicator C>
std::string same_gradient(C& c) {
    dist::Message message;
    for (const std::size_t batch : {1u, 16u, 17u, 40u, 64u, 100u, 130u, 200u}) {
        const auto [first, count] = tessera::batch_share(batch, {.rank = c.rank(), .ranks = c.size()});
        Weights<T> sum = gradient<T>(first, count);
        dist::sum_tree(c, message, sum);
        if (hash_bits(sum) != hash_bits(gradient<T>(0, batch)))
            return "gradient of a batch of " + std::to_string(batch);
    }
    return {};
}

/// Sets and ranges of several types in one message.
template <dist::Communicator C>
std::string sums_of_all_kinds(C& c) {
    dist::Message message;
    Model model;
    model.weights.wide.fill(0.5f);
    Counts counts;
    counts.value.fill(std::int64_t{1} << 40);
    counts.value[2] = -static_cast<std::int64_t>(c.rank());
    std::array<double, 2> losses{0.25, static_cast<double>(c.rank())};
    std::vector<std::uint32_t> used{1, ~std::uint32_t{0}};
    tessera::Empty none;
    dist::sum_tree(c, message, model.weights, none, counts, losses, std::span{used});

    const std::size_t n = c.size(), ranks = n * (n - 1) / 2;
    if (model.weights.wide[1502] != 0.5f * static_cast<float>(n)) return "floats";
    if (counts.value[0] != static_cast<std::int64_t>(n) << 40 || counts.value[2] != -static_cast<std::int64_t>(ranks))
        return "integers";
    if (losses[0] != 0.25 * static_cast<double>(n) || losses[1] != static_cast<double>(ranks)) return "doubles";
    if (used[0] != n || used[1] != 0 - static_cast<std::uint32_t>(n)) return "counts that wrap around";
    return {};
}

/// The sums of samples in their order, as one process computes them, plus the value on rank 0 before the call.
template <dist::Communicator C>
std::string sums_in_turn(C& c) {
    dist::Message message;
    Weights<float> sum, expected;
    sum.narrow.fill(c.rank() == 0 ? 3.f : 100.f);
    expected.narrow.fill(3.f);
    dist::in_turn(c, message, sum, [&] { add_samples<float>(c.rank() * 5, 5, sum); });
    add_samples<float>(0, 5 * c.size(), expected);
    return hash_bits(sum) == hash_bits(expected) ? "" : "sum in turn";
}

/// Rank r has r + 1 rows of three, and rank 1 has none.
template <dist::Communicator C>
std::string rows(C& c) {
    const auto rows_of = [](std::size_t rank) { return rank == 1 ? 0 : rank + 1; };
    std::vector<float> local(rows_of(c.rank()) * 3, static_cast<float>(c.rank())), all{9.f}, expected;
    for (std::size_t rank = 0; rank < c.size(); ++rank)
        expected.insert(expected.end(), rows_of(rank) * 3, static_cast<float>(rank));
    dist::all_gather_rows(c, local, all);
    if (const std::string text = first_difference(expected, all); !text.empty()) return "gathered rows: " + text;
    const auto counts = dist::all_gather_count(c, c.rank() * 10);
    for (std::size_t rank = 0; rank < c.size(); ++rank)
        if (counts.size() != c.size() || counts[rank] != rank * 10) return "sizes";
    return {};
}

/// All ranks see that one of them has another byte, or one less.
template <dist::Communicator C>
std::string agreement(C& c) {
    std::vector<std::byte> bytes(1000, std::byte{7});
    if (!dist::same_everywhere(c, bytes)) return "the same bytes are not the same";
    for (std::size_t odd = 0; odd < c.size(); ++odd) {
        std::vector<std::byte> other = bytes;
        if (c.rank() == odd) other[999] = std::byte{8};
        if (dist::same_everywhere(c, other) != (c.size() == 1))
            return "another byte on rank " + std::to_string(odd) + " was not seen";
        if (c.rank() == odd) other.resize(999);
        if (dist::same_everywhere(c, other) != (c.size() == 1))
            return "another length on rank " + std::to_string(odd) + " was not seen";
    }
    return {};
}

/// The state of each root in turn; models that differ are refused by all ranks, and are unchanged.
template <dist::Communicator C>
std::string state(C& c) {
    for (std::size_t root = 0; root < c.size(); ++root) {
        Model a, b;
        a.weights.wide.fill(static_cast<float>(c.rank() + 1));
        b.counts.fill(static_cast<std::int64_t>(c.rank()) - 5);
        dist::broadcast_state(c, root, a, b);
        if (a.weights.wide[1502] != static_cast<float>(root + 1) || b.counts[1] != static_cast<std::int64_t>(root) - 5)
            return "state of rank " + std::to_string(root);
        if (c.size() > 1 && (a.changed != 1 || b.changed != 1))
            return wrong("calls of state_changed, both models", 2, static_cast<std::size_t>(a.changed + b.changed));
    }
    if (c.size() == 1) return {};
    Model odd;
    odd.counts.fill(static_cast<std::int64_t>(c.rank()));
    const bool mine = c.rank() == c.size() - 1;
    if (mine) odd.heads = "8";
    const std::string text = message<tessera::ArgumentError>([&] { dist::broadcast_state(c, 0, odd); });
    const std::string expected = "dist::broadcast_state: rank " + std::to_string(c.size() - 1) +
                                 " has another model than rank 0" + (mine ? ": expected heads: 4, got heads: 8" : "");
    if (text != expected) return "expected \"" + expected + "\", got \"" + text + "\"";
    Wrapper wrapper{odd};  // as a Trainer
    const std::string wrapped = message<tessera::ArgumentError>([&] { dist::broadcast_state(c, 0, wrapper); });
    if (wrapped != expected) return "wrapped: expected \"" + expected + "\", got \"" + wrapped + "\"";
    if (odd.counts[0] != static_cast<std::int64_t>(c.rank())) return "a refused state has changed the model";
    const std::string root = message<tessera::ArgumentError>([&] { dist::broadcast_state(c, c.size(), odd); });
    if (!contains(root, "dist::broadcast_state: expected a rank less than")) return "root: " + root;
    return {};
}

/// All checks; the name of the first one that failed, and its error.
template <dist::Communicator C>
std::string all(C& c) {
    const std::pair<const char*, std::string (*)(C&)> checks[] = {
        {"messages", messages<C>},
        {"refuses_ranks", refuses_ranks<C>},
        {"same_gradient<float>", same_gradient<float, C>},
        {"same_gradient<double>", same_gradient<double, C>},
        {"sums_of_all_kinds", sums_of_all_kinds<C>},
        {"sums_in_turn", sums_in_turn<C>},
        {"rows", rows<C>},
        {"agreement", agreement<C>},
        {"state", state<C>},
    };
    for (const auto& [name, check] : checks)
        if (const std::string text = check(c); !text.empty()) return std::string{name} + ": " + text;
    return {};
}

}  // namespace contract
}  // namespace support
