"""vector-quantize-pytorch: the quantizers of examples/support/quantizers.hpp with preset std, and of
bench/study/table.hpp, forward and backward of one batch in training, as a user would call them.

tests/python/vq_peer_rows.py compares ROWS and WITHOUT with these tables.
"""
from importlib.metadata import version

import torch
from torch import nn
from vector_quantize_pytorch import FSQ, LFQ, GroupedResidualVQ, ResidualFSQ, ResidualVQ, SimVQ, VectorQuantize

IMAGES, POSITIONS = 64, 49
# the defaults of our codebooks: moving averages, k-means, revival of unused vectors
CODEBOOK = {"codebook_size": 512, "decay": 0.98, "commitment_weight": 0.25, "kmeans_init": True,
            "threshold_ema_dead_code": 1, "rotation_trick": False}
# the width of the encoder's output, and what makes the quantizer
ROWS = {
    "codebook": (64, lambda: VectorQuantize(dim=64, **CODEBOOK)),
    "fsq": (4, lambda: FSQ(levels=[8, 5, 5, 5])),
    "fsq-symmetric": (3, lambda: FSQ(levels=[8, 8, 8], preserve_symmetry=True)),
    "rotation": (64, lambda: VectorQuantize(dim=64, **{**CODEBOOK, "rotation_trick": True})),
    "residual": (64, lambda: ResidualVQ(dim=64, num_quantizers=2, **{**CODEBOOK, "codebook_size": 32})),
    "codebook-16": (16, lambda: VectorQuantize(dim=16, **CODEBOOK)),
    "gradient": (64, lambda: VectorQuantize(dim=64, learnable_codebook=True, ema_update=False, **CODEBOOK)),
    "cosine": (64, lambda: VectorQuantize(dim=64, use_cosine_sim=True, **CODEBOOK)),
    "diveq": (64, lambda: VectorQuantize(dim=64, directional_reparam=True, **CODEBOOK)),
    "simvq": (64, lambda: SimVQ(dim=64, codebook_size=512, rotation_trick=False)),
    "bridge": (64, lambda: VectorQuantize(dim=64, vq_bridge=Bridge(), **CODEBOOK)),
    "orthogonal": (64, lambda: VectorQuantize(dim=64, learnable_codebook=True, ema_update=False,
                                              orthogonal_reg_weight=1, **CODEBOOK)),
    "diversity": (64, lambda: VectorQuantize(dim=64, codebook_diversity_loss_weight=0.1, **CODEBOOK)),
    "fixed": (64, lambda: VectorQuantize(dim=64, freeze_codebook=True, **CODEBOOK)),
    "projected-cosine": (64, lambda: VectorQuantize(dim=64, codebook_dim=8, use_cosine_sim=True, **CODEBOOK)),
    "lfq": (9, lambda: LFQ(dim=9, codebook_size=512)),
    "bsq": (9, lambda: LFQ(dim=9, codebook_size=512, spherical=True)),
    "grouped": (64, lambda: GroupedResidualVQ(dim=64, groups=2, num_quantizers=1, **{**CODEBOOK, "codebook_size": 22})),
    "residual-fsq": (3, lambda: ResidualFSQ(dim=3, levels=[3, 3, 3], num_quantizers=2)),
}
# what vector-quantize-pytorch 1.32 does not have: rows without this peer
WITHOUT = {
    "sf-diveq": "no space-filling form of DiVeQ",
    "sampling": "stochastic_sample_codes has no schedule of the temperature",
    "ifsq": "no scaled sigmoid in its FSQ",
    "gaussian": "no GaussianQuant",
    "binary-residual": "ResidualLFQ has another gradient and entropy terms in each round",
}


class Bridge(nn.Module):
    """That of bench/study/table.hpp."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 64))

    def forward(self, vectors):
        return vectors + self.net(vectors)


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
