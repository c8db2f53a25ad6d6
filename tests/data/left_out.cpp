#include <tessera/data/left_out.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace tessera;
using data::LeftOut;
using data::LeftOutReason;

TEST_CASE("LeftOut: counts by reason and type, with the first of each") {
    LeftOut s;
    CHECK((s.empty() && s.count() == 0 && s.text().empty()));
    s.add(LeftOutReason::hidden, ".DS_Store");
    s.add(LeftOutReason::no_image, "a.txt", ".txt");
    s.add(LeftOutReason::other_type, "a/1.gif", "GIF");
    for (int i = 1; i <= 50; ++i) s.add(LeftOutReason::other_type, "a/" + std::to_string(i) + ".webp", "WebP");
    s.add(LeftOutReason::unreadable, "lost+found", {}, "Permission denied");
    s.add(LeftOutReason::unreadable, "b", {}, "No such file or directory");
    CHECK((s.count() == 55 && s.count(LeftOutReason::other_type) == 51 && s.count(LeftOutReason::damaged) == 0));
    CHECK(s.groups().size() == 5);
    LeftOut odd;
    odd.add(LeftOutReason::hidden, ".a\n\x1B[2J");
    CHECK(odd.text() == "1 hidden (.a\\x0a\\x1b[2J)");
    CHECK(s.text() == "50 WebP images (a/1.webp), 1 GIF image (a/1.gif), 1 .txt file (a.txt), 2 unreadable "
                      "(lost+found: Permission denied), 1 hidden (.DS_Store)");
}

TEST_CASE("LeftOut: each reason has its words") {
    const auto text = [](LeftOutReason reason, int count) {
        LeftOut s;
        for (int i = 0; i < count; ++i) s.add(reason, "x", "WebP");
        return s.text();
    };
    CHECK((text(LeftOutReason::damaged, 1) == "1 damaged image (x)" &&
           text(LeftOutReason::damaged, 2) == "2 damaged images (x)"));
    CHECK(text(LeftOutReason::too_large, 1) == "1 image beyond the limits (x)");
    CHECK(text(LeftOutReason::too_large, 2) == "2 images beyond the limits (x)");
    CHECK(text(LeftOutReason::no_class, 1) == "1 folder without images (x)");
    CHECK(text(LeftOutReason::no_class, 2) == "2 folders without images (x)");
    CHECK(text(LeftOutReason::outside, 1) == "1 image next to the folders that were read (x)");
    CHECK(text(LeftOutReason::outside, 3) == "3 images next to the folders that were read (x)");
    CHECK(text(LeftOutReason::linked, 1) == "1 folder that a link leads back to (x)");
    CHECK(text(LeftOutReason::surplus, 2) == "2 files with surplus bytes (x)");
    CHECK(text(LeftOutReason::not_chosen, 2) == "2 WebP files next to those that were read (x)");
    CHECK(text(LeftOutReason::special, 1) == "1 neither file nor folder (x)");
}

TEST_CASE("LeftOut: files of a thousand endings are few groups") {
    LeftOut s;
    for (int i = 0; i < 1000; ++i) s.add(LeftOutReason::no_image, "x", "." + std::to_string(i));
    CHECK((s.count() == 1000 && s.groups().size() == 25));
    CHECK(s.text().starts_with("976 other files (x), 1 .0 file (x)"));
}
