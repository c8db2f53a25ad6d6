#include <tessera/core/batch_part.hpp>

#include <doctest/doctest.h>

#include <cstddef>

using tessera::BatchPart;

namespace batch_part_test {

TEST_CASE("BatchPart: whole() is the first and only part of its update") {
    constexpr BatchPart part = BatchPart::whole(37);
    CHECK(part.first == 0);
    CHECK(part.samples == 37);
    CHECK(part.divisor == 37);
    CHECK(part.micro_batch == 0);
    CHECK(part.micro_batches == 1);
}

TEST_CASE("BatchPart: a default-constructed part is empty and the only one of its update") {
    constexpr BatchPart part;
    CHECK(part.samples == 0);
    CHECK(part.divisor == 0);
    CHECK(part.micro_batches == 1);
}

}  // namespace batch_part_test
