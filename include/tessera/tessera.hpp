#pragma once
// tessera: the public API in one include.
//
//     <tessera/data/mnist.hpp>, image_folder.hpp, image.hpp    image files
//     <tessera/image/...>, <tessera/files/...>                 formats of images and files, resizing; image/pixels.hpp
//                                                              alone is part of it
//     <tessera/testing/...>                                    checkers for a user's own layer, quantizer or loss
//     <tessera/vq/...>                                         quantizers and policies other than Codebook<K> and Fsq
//     <tessera/dist/mpi.hpp>                                   several processes (needs MPI)
//     <tessera/kernel/...>                                     kernels; kernel/eigen.hpp gives views as Eigen matrices
//
// The other headers in this table are not part of it and must be included by name.

// IWYU pragma: begin_exports
#include <tessera/version.hpp>

#include <tessera/core/abi.hpp>
#include <tessera/core/batch_part.hpp>
#include <tessera/core/batch_share.hpp>
#include <tessera/core/buffer.hpp>
#include <tessera/core/error.hpp>
#include <tessera/core/format_code.hpp>
#include <tessera/core/label.hpp>
#include <tessera/core/lifetime.hpp>
#include <tessera/core/number_text.hpp>
#include <tessera/core/option_hooks.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/param_path.hpp>
#include <tessera/core/param_ref.hpp>
#include <tessera/core/read_limits.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/core/shape.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/core/to_size.hpp>
#include <tessera/core/token.hpp>
#include <tessera/core/value_range.hpp>
#include <tessera/core/view.hpp>
#include <tessera/core/with_name.hpp>

#include <tessera/nn/attention_options.hpp>
#include <tessera/nn/avg_pool2d.hpp>
#include <tessera/nn/backward_epilogue.hpp>
#include <tessera/nn/bias.hpp>
#include <tessera/nn/causal_attention.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv2d.hpp>
#include <tessera/nn/conv_relu.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/nn/describe.hpp>
#include <tessera/nn/dropout.hpp>
#include <tessera/nn/embedding.hpp>
#include <tessera/nn/fused_pair.hpp>
#include <tessera/nn/gelu.hpp>
#include <tessera/nn/group_norm.hpp>
#include <tessera/nn/init.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/layer_norm.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/linear_gelu.hpp>
#include <tessera/nn/max_pool2d.hpp>
#include <tessera/nn/relu.hpp>
#include <tessera/nn/repeat.hpp>
#include <tessera/nn/reshape.hpp>
#include <tessera/nn/residual.hpp>
#include <tessera/nn/rms_norm.hpp>
#include <tessera/nn/scale_and_shift.hpp>
#include <tessera/nn/sigmoid.hpp>
#include <tessera/nn/silu.hpp>
#include <tessera/nn/step.hpp>
#include <tessera/nn/swiglu.hpp>
#include <tessera/nn/tanh.hpp>
#include <tessera/nn/tied_head.hpp>
#include <tessera/nn/token_embedding.hpp>
#include <tessera/nn/transfer.hpp>
#include <tessera/nn/upsample.hpp>
#include <tessera/nn/window.hpp>
#include <tessera/nn/window_fits.hpp>

#include <tessera/loss/cross_entropy.hpp>
#include <tessera/loss/gaussian_nll.hpp>
#include <tessera/loss/l1.hpp>
#include <tessera/loss/loss.hpp>
#include <tessera/loss/mse.hpp>

#include <tessera/optim/adam.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/optim/clip.hpp>
#include <tessera/optim/lr_scale.hpp>
#include <tessera/optim/muon.hpp>
#include <tessera/optim/optimizer.hpp>
#include <tessera/optim/schedule.hpp>
#include <tessera/optim/weight_ema.hpp>

#include <tessera/image/pixels.hpp>

#include <tessera/data/batches.hpp>
#include <tessera/data/data_position.hpp>
#include <tessera/data/dataset.hpp>
#include <tessera/data/images.hpp>
#include <tessera/data/labels.hpp>
#include <tessera/data/tokens.hpp>

#include <tessera/io/dtype.hpp>
#include <tessera/io/float16.hpp>
#include <tessera/io/load.hpp>
#include <tessera/io/load_options.hpp>
#include <tessera/io/safetensors.hpp>
#include <tessera/io/safetensors_header.hpp>
#include <tessera/io/safetensors_writer.hpp>
#include <tessera/io/save.hpp>
#include <tessera/io/stateful.hpp>
#include <tessera/io/tensor_info.hpp>
#include <tessera/io/weights.hpp>

#include <tessera/vq/bind_quantizer.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/codebook_state.hpp>
#include <tessera/vq/codebook_statistics.hpp>
#include <tessera/vq/collapse_watch.hpp>
#include <tessera/vq/ema.hpp>
#include <tessera/vq/frozen_vq_vae.hpp>
#include <tessera/vq/fsq.hpp>
#include <tessera/vq/kmeans.hpp>
#include <tessera/vq/quantize.hpp>
#include <tessera/vq/quantizer.hpp>
#include <tessera/vq/quantizer_hooks.hpp>
#include <tessera/vq/revive.hpp>
#include <tessera/vq/vq_vae.hpp>
#include <tessera/vq/vq_vae_report.hpp>
#include <tessera/vq/vq_vae_totals.hpp>

#include <tessera/gpt/block.hpp>
#include <tessera/gpt/complete.hpp>
#include <tessera/gpt/frozen_gpt.hpp>
#include <tessera/gpt/gpt.hpp>
#include <tessera/gpt/gpt_config.hpp>
#include <tessera/gpt/gpt_net.hpp>
#include <tessera/gpt/kv_cache.hpp>
#include <tessera/gpt/sample.hpp>

#include <tessera/train/checkpoints.hpp>
#include <tessera/train/recent_norms.hpp>
#include <tessera/train/trainable.hpp>
#include <tessera/train/trainer.hpp>

#include <tessera/dist/all_gather_count.hpp>
#include <tessera/dist/all_gather_rows.hpp>
#include <tessera/dist/broadcast_state.hpp>
#include <tessera/dist/communicator.hpp>
#include <tessera/dist/in_turn.hpp>
#include <tessera/dist/message.hpp>
#include <tessera/dist/same_everywhere.hpp>
#include <tessera/dist/self.hpp>
#include <tessera/dist/sum_tree.hpp>
// IWYU pragma: end_exports
