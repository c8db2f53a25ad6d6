#pragma once
// Completion: pictures of which a part is known and the rest is sampled.

#include "job.hpp"
#include "pictures.hpp"
#include "prior.hpp"
#include "unknown_part.hpp"

#include <tessera/core/token.hpp>

#include <vector>

namespace digits {

/// `tokens` of each picture; every picture is completed options.samples times.
void plan_completion(const Job& job, std::vector<tessera::Token> tokens, Draw& draw, Outcome& outcome);

/// One row for each picture: what is known of it, the rest in gray, then its completions.
void show_completions(const Picture& pictures, const UnknownPart& unknown, Outcome& outcome);

}  // namespace digits
