#pragma once
// Completion: pictures whose upper half is known and whose lower half is sampled.
//
// The prior draws tokens row by row from the top, so known rows of tokens can only be the first ones. Of the 7 rows of
// tokens, each of which describes 4 rows of pixels, the first 3 lie in the upper half.

#include "job.hpp"
#include "pictures.hpp"
#include "prior.hpp"

#include <tessera/core/token.hpp>

#include <vector>

namespace digits {

/// The encoder reads whole images, so the lower half repeats the last known row of pixels: strokes do not end at the
/// border. Of the known tokens of the bundled test digits 99, 92 and 68 % (first to third row, a model of two epochs)
/// are then those of the whole image; with a black lower half 98, 84 and 50 %, with a mirrored one 99, 91 and 63 %.
Picture upper_halves(Picture pictures);

/// `tokens` of each picture; every picture is completed options.samples times.
void plan_completion(const Job& job, std::vector<tessera::Token> tokens, Draw& draw, Outcome& outcome);

/// One row for each picture: its upper half on gray, then its completions.
void show_completions(const Picture& halves, Outcome& outcome);

}  // namespace digits
