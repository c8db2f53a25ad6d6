#pragma once
// Each file of rows has one function that adds them.

#include <bench/support/rows.hpp>

namespace bench {

void add_gemm(Rows& rows);
void add_nearest_vector(Rows& rows);
void add_kmeans(Rows& rows);
void add_convolution(Rows& rows);
void add_attention(Rows& rows);
void add_elementwise(Rows& rows);
void add_vq_vae_small(Rows& rows);
void add_vq_vae_std(Rows& rows);
void add_vq_vae_image(Rows& rows);
void add_quantizers(Rows& rows);
void add_study_quantizers(Rows& rows);
void add_gpt_small(Rows& rows);
void add_gpt_std(Rows& rows);
void add_gpt_context(Rows& rows);
void add_vq_vae_codes(Rows& rows);
void add_gpt_samples(Rows& rows);

}  // namespace bench
