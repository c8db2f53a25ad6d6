#include <tessera/data/image.hpp>

#include <doctest/doctest.h>
#include <support/temporary_folder.hpp>

#include <tessera/core/error.hpp>
#include <tessera/image/decode_image.hpp>

#include <vector>

TEST_CASE("Host: next to the host's stb, the library's copy reads PNG and JPEG only") {
    const support::TemporaryFolder folder;
    const std::vector<unsigned char> pgm{'P', '5', ' ', '2', ' ', '1', ' ', '2', '5', '5', '\n', 7, 9};
    CHECK_THROWS_AS(static_cast<void>(tessera::image::read_image(folder.write("x.pgm", pgm), 1)), tessera::FormatError);
}
