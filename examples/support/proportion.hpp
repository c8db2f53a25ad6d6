#pragma once
// Proportion: sentences for runs that are correct and pointless, before the time is spent.

#include "material.hpp"
#include "options.hpp"
#include "recipe.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace digits {

/// Vectors that the encoder makes of an image: 7 x 7 in both presets.
inline constexpr std::size_t vectors_per_image = 49;

/// What the data are: "3 classes: cat (9), dog (9), owl (8); 26 of 26 images were in colour and are gray now".
std::string describe_data(const Material& material);

/// The training images are too few for a vocabulary of `codes` tokens. Empty: they are enough.
std::string too_few_images(std::size_t images, std::size_t codes);

/// What makes a run slow or without effect: more threads than cores, a learning rate of 0, classes without images.
std::vector<std::string> warnings(const Options& options, const Recipe& recipe, const Material& material);

}  // namespace digits
