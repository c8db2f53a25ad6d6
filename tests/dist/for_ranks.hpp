#pragma once
// A check of support/communicator_contract.hpp, on 1 to 5 ranks that are threads.

#include <doctest/doctest.h>
#include <support/communicator_contract.hpp>
#include <support/thread_communicator.hpp>

#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>

namespace support {

inline void for_ranks(std::string (*check)(ThreadCommunicator&)) {
    for (std::size_t size = 1; size <= 5; ++size) {
        std::string wrong;
        try {
            run_ranks(size, [&](ThreadCommunicator& c) {
                const std::string text = check(c);
                if (!text.empty()) throw std::runtime_error("rank " + std::to_string(c.rank()) + ": " + text);
            });
        } catch (const std::exception& e) {
            wrong = e.what();
        }
        CAPTURE(size);
        CHECK(wrong == "");
    }
}

}  // namespace support
