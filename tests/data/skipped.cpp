#include <tessera/data/skipped.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace tessera;
using data::Skipped;
using data::SkipReason;

TEST_CASE("Skipped: counts by reason and type, with the first of each") {
    Skipped s;
    CHECK((s.empty() && s.count() == 0 && s.text().empty()));
    s.add(SkipReason::hidden, ".DS_Store");
    s.add(SkipReason::no_image, "a.txt", ".txt");
    s.add(SkipReason::other_type, "a/1.gif", "GIF");
    for (int i = 1; i <= 50; ++i) s.add(SkipReason::other_type, "a/" + std::to_string(i) + ".webp", "WebP");
    s.add(SkipReason::unreadable, "lost+found", {}, "Permission denied");
    s.add(SkipReason::unreadable, "b", {}, "No such file or directory");
    CHECK((s.count() == 55 && s.count(SkipReason::other_type) == 51 && s.count(SkipReason::damaged) == 0));
    CHECK(s.groups().size() == 5);
    Skipped odd;
    odd.add(SkipReason::hidden, ".a\n\x1B[2J");
    CHECK(odd.text() == "1 hidden (.a\\x0a\\x1b[2J)");
    CHECK(s.text() == "50 WebP images (a/1.webp), 1 GIF image (a/1.gif), 1 .txt file (a.txt), 2 unreadable "
                      "(lost+found: Permission denied), 1 hidden (.DS_Store)");
}

TEST_CASE("Skipped: each reason has its words") {
    const auto text = [](SkipReason reason, int count) {
        Skipped s;
        for (int i = 0; i < count; ++i) s.add(reason, "x", "WebP");
        return s.text();
    };
    CHECK((text(SkipReason::damaged, 1) == "1 damaged image (x)" &&
           text(SkipReason::damaged, 2) == "2 damaged images (x)"));
    CHECK(text(SkipReason::outside, 1) == "1 image next to the folders that were read (x)");
    CHECK(text(SkipReason::outside, 3) == "3 images next to the folders that were read (x)");
    CHECK(text(SkipReason::linked, 1) == "1 folder that a link leads back to (x)");
    CHECK(text(SkipReason::surplus, 2) == "2 files with surplus bytes (x)");
    CHECK(text(SkipReason::special, 1) == "1 neither file nor folder (x)");
}

TEST_CASE("Skipped: files of a thousand endings are few groups") {
    Skipped s;
    for (int i = 0; i < 1000; ++i) s.add(SkipReason::no_image, "x", "." + std::to_string(i));
    CHECK((s.count() == 1000 && s.groups().size() == 25));
    CHECK(s.text().starts_with("976 other files (x), 1 .0 file (x)"));
}
