#pragma once
// What the name of a folder says about splits: train2017 is one, TrainData and t10k-images name one, masks go with one.

#include <tessera/data/detail/folder_entries.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::data {

enum class Split : unsigned char { train, val, test };

namespace detail {

inline bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
    return std::ranges::find(words, word) != words.end();
}

/// The split that is called exactly so, perhaps with a year.
inline std::optional<Split> split_called(std::string_view name) {
    std::string lower = lower_case(name);
    const std::string year = lower.size() > 4 ? lower.substr(lower.size() - 4) : std::string{};
    const bool digits = std::ranges::all_of(year, [](char c) { return c >= '0' && c <= '9'; });
    if (digits && (year.starts_with("19") || year.starts_with("20"))) {  // train2017
        lower.resize(lower.size() - 4);
        if (lower.ends_with('_') || lower.ends_with('-')) lower.pop_back();
    }
    if (is_one_of(lower, {"train", "training"})) return Split::train;
    if (is_one_of(lower, {"val", "valid", "validation"})) return Split::val;
    if (is_one_of(lower, {"test", "testing"})) return Split::test;
    return std::nullopt;
}

/// The words of a name in lower case: "TrainData", "train.data" and "2 train data" have the words train and data. Bytes
/// of other letters than those of ASCII belong to a word.
inline std::vector<std::string> words_of(std::string_view name) {
    const auto capital = [&](std::size_t i) { return i < name.size() && name[i] >= 'A' && name[i] <= 'Z'; };
    const auto lower = [&](std::size_t i) {
        return i < name.size() && ((name[i] >= 'a' && name[i] <= 'z') || static_cast<unsigned char>(name[i]) >= 0x80);
    };
    std::vector<std::string> words;
    bool inside = false;
    for (std::size_t i = 0; i < name.size(); ++i) {
        const bool letter = capital(i) || lower(i);
        const bool hump = i != 0 && capital(i) && (lower(i - 1) || (capital(i - 1) && lower(i + 1)));
        if (letter && (!inside || hump)) words.emplace_back();
        if (letter) words.back() += name[i];
        inside = letter;
    }
    for (std::string& word : words) word = lower_case(word);
    return words;
}

/// What of a name says nothing about its split: the set in training_set, the images in trainimages.
inline bool is_part_of_set(std::string_view word) {
    return is_one_of(word, {"set",     "sets",     "data",  "dataset", "image",  "images", "img",    "imgs",
                            "picture", "pictures", "photo", "photos",  "file",   "files",  "sample", "samples",
                            "label",   "labels",   "mask",  "masks",   "folder", "dir"});
}

/// A split for training, or one of the others.
enum class SplitKind : unsigned char { none, training, other };

inline SplitKind kind_of_word(std::string_view word, bool next_to_part) {
    if (next_to_part && is_one_of(word, {"tr", "ts", "va"}))  // imagesTr
        return word == "tr" ? SplitKind::training : SplitKind::other;
    for (const std::string_view name : {"training", "train", "trn"}) {
        if (!word.starts_with(name)) continue;
        const std::string_view rest = word.substr(name.size());
        const bool joined_with = is_part_of_set(rest) || is_one_of(rest, {"val", "valid", "validation", "test"});
        if (rest.empty() || joined_with || (name == "train" && rest.size() == 1)) return SplitKind::training;
    }
    for (const std::string_view name : {"testing", "test", "tst", "validation", "validate", "valid", "val", "dev",
                                        "evaluation", "eval", "holdout", "unlabeled", "unlabelled"}) {
        if (!word.starts_with(name)) continue;
        const std::string_view rest = word.substr(name.size());
        if (rest.empty() || is_part_of_set(rest) || (name == "test" && rest.size() == 1)) return SplitKind::other;
    }
    return SplitKind::none;
}

/// The kind of split that a name begins or ends with, apart from the parts that say nothing: trainA, test_b, trainval,
/// "Training Set", seg_test, imagesTr, t10k-images. Of two, as in train+val, the one for training.
inline SplitKind split_named_by(std::string_view name) {
    if (lower_case(name).starts_with("t10k")) return SplitKind::other;  // MNIST's test images
    std::vector<std::string> words = words_of(name);
    const std::size_t all = words.size();
    while (words.size() > 1 && is_part_of_set(words.back())) words.pop_back();
    while (words.size() > 1 && is_part_of_set(words.front())) words.erase(words.begin());
    if (words.empty()) return SplitKind::none;
    const bool next_to_part = words.size() < all;
    const SplitKind first = kind_of_word(words.front(), next_to_part), last = kind_of_word(words.back(), next_to_part);
    return first == SplitKind::training || last == SplitKind::none ? first : last;
}

/// The letters of a name in lower case: "ground-truth" is groundtruth.
inline std::string letters_of(std::string_view name) {
    std::string letters;
    for (const std::string& word : words_of(name)) letters += word;
    return letters;
}

/// Is this what is known about images, perhaps in images of another kind: their masks, their labels?
inline bool is_about_images(std::string_view name) {
    return is_one_of(letters_of(name), {"mask", "masks", "label", "labels", "annotation", "annotations", "gt",
                                        "groundtruth", "trimaps", "segmentationclass", "segmentationobject"});
}

/// Is this a folder of images without a name that says more?
inline bool is_called_images(std::string_view name) {
    return is_one_of(letters_of(name), {"image", "images", "img", "imgs", "jpegimages"});
}

/// Is this what goes with a split called train, and is no class next to a class called train: another split, another
/// version of the images (train_masks, "train (1)"), or what is known about them?
inline bool goes_with_train(std::string_view name) {
    const std::string lower = lower_case(name);
    for (const std::string_view start : {"train", "test", "dev", "eval", "unlabel", "valid", "val_", "val-", "holdout"})
        if (lower.starts_with(start)) return true;
    return split_named_by(name) != SplitKind::none || is_about_images(name) ||
           is_one_of(letters_of(name), {"extra", "query", "gallery"});
}

}  // namespace detail
}  // namespace tessera::data
