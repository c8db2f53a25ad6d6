#pragma once
// Everything of tessera except what stands behind the door to stb: include <tessera/data/image.hpp> for pictures.

// IWYU pragma: begin_exports
#include <tessera/version.hpp>

#include <tessera/core/abi.hpp>
#include <tessera/core/buffer.hpp>
#include <tessera/core/bytes.hpp>
#include <tessera/core/crc32.hpp>
#include <tessera/core/error.hpp>
#include <tessera/core/file.hpp>
#include <tessera/core/format_code.hpp>
#include <tessera/core/in_use.hpp>
#include <tessera/core/limits.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/path.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/shape.hpp>
#include <tessera/core/system_files.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/core/token.hpp>
#include <tessera/core/view.hpp>

#include <tessera/kernel/across_lanes.hpp>
#include <tessera/kernel/adamw.hpp>
#include <tessera/kernel/adjoint_tile.hpp>
#include <tessera/kernel/attention.hpp>
#include <tessera/kernel/attention_head.hpp>
#include <tessera/kernel/attention_lanes.hpp>
#include <tessera/kernel/attention_plain.hpp>
#include <tessera/kernel/attention_step.hpp>
#include <tessera/kernel/attention_step_lanes.hpp>
#include <tessera/kernel/attention_tile.hpp>
#include <tessera/kernel/columns.hpp>
#include <tessera/kernel/convolution.hpp>
#include <tessera/kernel/denormals.hpp>
#include <tessera/kernel/dropout.hpp>
#include <tessera/kernel/eigen.hpp>
#include <tessera/kernel/elementwise.hpp>
#include <tessera/kernel/embedding.hpp>
#include <tessera/kernel/gemm.hpp>
#include <tessera/kernel/gemm_adjoint.hpp>
#include <tessera/kernel/group_norm.hpp>
#include <tessera/kernel/im2col.hpp>
#include <tessera/kernel/intrinsics.hpp>
#include <tessera/kernel/lane_sums.hpp>
#include <tessera/kernel/layer_norm.hpp>
#include <tessera/kernel/nearest_code.hpp>
#include <tessera/kernel/panels.hpp>
#include <tessera/kernel/parallel.hpp>
#include <tessera/kernel/patch_plan.hpp>
#include <tessera/kernel/pool.hpp>
#include <tessera/kernel/reduce.hpp>
#include <tessera/kernel/simd.hpp>
#include <tessera/kernel/simd_name.hpp>
#include <tessera/kernel/softmax.hpp>
#include <tessera/kernel/team.hpp>
#include <tessera/kernel/tile.hpp>
#include <tessera/kernel/transpose.hpp>
#include <tessera/kernel/unroll.hpp>
#include <tessera/kernel/vector_math.hpp>

#include <tessera/nn/avg_pool2d.hpp>
#include <tessera/nn/causal_attention.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv2d.hpp>
#include <tessera/nn/conv_relu.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/nn/describe.hpp>
#include <tessera/nn/dropout.hpp>
#include <tessera/nn/embedding.hpp>
#include <tessera/nn/fusion.hpp>
#include <tessera/nn/gelu.hpp>
#include <tessera/nn/group_norm.hpp>
#include <tessera/nn/grouped.hpp>
#include <tessera/nn/init.hpp>
#include <tessera/nn/joined.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/layer_norm.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/linear_gelu.hpp>
#include <tessera/nn/max_pool2d.hpp>
#include <tessera/nn/relu.hpp>
#include <tessera/nn/repeat.hpp>
#include <tessera/nn/reshape.hpp>
#include <tessera/nn/residual.hpp>
#include <tessera/nn/rounds.hpp>
#include <tessera/nn/scale_and_shift.hpp>
#include <tessera/nn/sigmoid.hpp>
#include <tessera/nn/silu.hpp>
#include <tessera/nn/tanh.hpp>
#include <tessera/nn/transfer.hpp>
#include <tessera/nn/upsample.hpp>
#include <tessera/nn/window.hpp>
#include <tessera/nn/window_fits.hpp>

#include <tessera/loss/cross_entropy.hpp>
#include <tessera/loss/l1.hpp>
#include <tessera/loss/mse.hpp>

#include <tessera/optim/adam.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/optim/clip.hpp>
#include <tessera/optim/ema.hpp>
#include <tessera/optim/optimizer.hpp>
#include <tessera/optim/schedule.hpp>

#include <tessera/data/batches.hpp>
#include <tessera/data/check_image_size.hpp>
#include <tessera/data/check_jpeg.hpp>
#include <tessera/data/check_png.hpp>
#include <tessera/data/dataset.hpp>
#include <tessera/data/gzip.hpp>
#include <tessera/data/idx.hpp>
#include <tessera/data/idx_file.hpp>
#include <tessera/data/images.hpp>
#include <tessera/data/inflate.hpp>
#include <tessera/data/labels.hpp>
#include <tessera/data/pixels.hpp>
#include <tessera/data/resize.hpp>
#include <tessera/data/tokens.hpp>

#include <tessera/io/dtype.hpp>
#include <tessera/io/json_reader.hpp>
#include <tessera/io/safetensors.hpp>
#include <tessera/io/safetensors_header.hpp>
#include <tessera/io/safetensors_writer.hpp>
#include <tessera/io/utf8.hpp>
#include <tessera/io/weights.hpp>

#include <tessera/vq/codebook.hpp>
#include <tessera/vq/collapse_watch.hpp>
#include <tessera/vq/ema.hpp>
#include <tessera/vq/frozen_vq_vae.hpp>
#include <tessera/vq/kmeans.hpp>
#include <tessera/vq/quantize.hpp>
#include <tessera/vq/revive.hpp>
#include <tessera/vq/vq_vae.hpp>
#include <tessera/vq/vq_vae_options.hpp>

#include <tessera/gpt/block.hpp>
#include <tessera/gpt/gpt.hpp>
#include <tessera/gpt/gpt_config.hpp>
#include <tessera/gpt/kv_cache.hpp>
#include <tessera/gpt/sample.hpp>

#include <tessera/testing/check_result.hpp>
#include <tessera/testing/gradient_check.hpp>
#include <tessera/testing/layer_check.hpp>

#include <tessera/train/checkpoints.hpp>
#include <tessera/train/recent_norms.hpp>
#include <tessera/train/trainer.hpp>
// IWYU pragma: end_exports
