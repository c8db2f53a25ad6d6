"""PyTorch loads the decoder of a model file and makes the same images."""

import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import torch
    from safetensors.torch import load_file
    from torch import nn
except ImportError as missing:
    print(f"SKIPPED: {missing}")
    sys.exit(77)


class Residual(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


program = pathlib.Path(os.environ["TESSERA_BUILD_DIR"]) / "tests" / "decoder_file"
with tempfile.TemporaryDirectory() as folder:
    model, answer = f"{folder}/model.safetensors", f"{folder}/answer.safetensors"
    subprocess.run([program, model, answer], check=True)
    weights, answer = load_file(model), load_file(answer)

decoder = nn.Sequential(
    nn.Conv2d(32, 64, 3, 1, 1),
    Residual(nn.ReLU(), nn.Conv2d(64, 32, 3, 1, 1, bias=False), nn.ReLU(), nn.Conv2d(32, 64, 1, bias=False)),
    nn.ReLU(),
    nn.ConvTranspose2d(64, 32, 4, 2, 1),
    nn.ReLU(),
    nn.ConvTranspose2d(32, 1, 4, 2, 1),
)
decoder.load_state_dict({k.removeprefix("decoder."): v for k, v in weights.items() if k.startswith("decoder.")})
codes = weights["codebook.weight"][answer["codes"].long()].permute(0, 3, 1, 2)
with torch.no_grad():
    error = (decoder(codes) - answer["images"]).abs().max() / answer["images"].abs().max()
print(f"largest difference {error:.1e} of the largest value")
sys.exit(0 if error < 1e-5 else 1)
