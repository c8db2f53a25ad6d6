"""vector-quantize-pytorch: the quantizers of examples/support/quantizers.hpp with preset std, forward and backward of one
batch in training, as a user would call them.
"""
from importlib.metadata import version

import torch
from vector_quantize_pytorch import FSQ, LFQ, GroupedResidualVQ, ResidualVQ, SimVQ, VectorQuantize

IMAGES, POSITIONS = 64, 49
# the defaults of our codebooks: moving averages, k-means, revival of unused vectors
CODEBOOK = {"codebook_size": 512, "decay": 0.98, "commitment_weight": 0.25, "kmeans_init": True,
            "threshold_ema_dead_code": 1, "rotation_trick": False}
# the width of the encoder's output, and what makes the quantizer
ROWS = {
    "codebook": (64, lambda: VectorQuantize(dim=64, **CODEBOOK)),
    "cosine": (64, lambda: VectorQuantize(dim=64, use_cosine_sim=True, **CODEBOOK)),
    "simvq": (64, lambda: SimVQ(dim=64, codebook_size=512, rotation_trick=False)),
    "fsq": (4, lambda: FSQ(levels=[8, 5, 5, 5])),
    "fsq-symmetric": (3, lambda: FSQ(levels=[8, 8, 8], preserve_symmetry=True)),
    "lfq": (9, lambda: LFQ(dim=9, codebook_size=512)),
    "bsq": (9, lambda: LFQ(dim=9, codebook_size=512, spherical=True)),
    "residual": (64, lambda: ResidualVQ(dim=64, num_quantizers=2, **CODEBOOK)),
    "grouped": (64, lambda: GroupedResidualVQ(dim=64, groups=2, num_quantizers=1, **CODEBOOK)),
}


class Peer:
    name = "vector-quantize-pytorch"
    versions = {"vector-quantize-pytorch": version("vector-quantize-pytorch"), "PyTorch": torch.__version__}

    def __init__(self):
        torch.set_flush_denormal(True)

    def row(self, name, threads):
        kind, _, quantizer = name.partition("/")
        if kind != "quantizer" or quantizer not in ROWS:
            return None
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        width, make = ROWS[quantizer]
        model = make().train()
        x = torch.randn(IMAGES, POSITIONS, width, requires_grad=True)
        dq = torch.randn(IMAGES, POSITIONS, width) / (IMAGES * POSITIONS * width)
        inputs = [x] + [p for p in model.parameters() if p.requires_grad]

        def step():
            out = model(x)
            q, losses = out[0], [loss for loss in out[2:] if torch.is_tensor(loss) and loss.requires_grad]
            outputs = [q] + [loss.sum() for loss in losses]
            return torch.autograd.grad(outputs, inputs, [dq] + [torch.ones(()) for _ in losses], allow_unused=True)

        return step
