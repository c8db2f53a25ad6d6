#!/usr/bin/env python3
"""Writes golden/gpt2_transformers.safetensors: a small GPT-2 as Hugging Face's GPT2LMHeadModel saves it, tokens, logits.

    python3 make_gpt2_transformers.py            writes the file
    python3 make_gpt2_transformers.py --check    computes the logits again from the weights in the file and compares
                                                 them: exit 1 if they differ, 77 without the library transformers

gpt2_common.py has the sizes and the check.
"""

import pathlib
import sys
import tempfile

try:
    import torch
    import transformers
    from safetensors.torch import load_file, save_file
except ImportError as missing:
    print(f"SKIPPED: {missing}")
    sys.exit(77)

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from gpt2_common import CONTEXT, HEADS, LAYERS, VOCAB, WIDTH, net_input, run

FILE = pathlib.Path(__file__).with_name("gpt2_transformers.safetensors")


def model():
    config = transformers.GPT2Config(vocab_size=VOCAB + 1, n_positions=CONTEXT, n_embd=WIDTH, n_layer=LAYERS,
                                     n_head=HEADS, bos_token_id=VOCAB, eos_token_id=VOCAB)
    return transformers.GPT2LMHeadModel(config).eval()


def logits(tensors):
    """Those before each token of x."""
    net = model()
    weights = {k: v for k, v in tensors.items() if k.startswith("transformer.")}
    missing = set(net.load_state_dict(weights, strict=False).missing_keys)
    assert missing <= {"lm_head.weight"}, missing
    net.tie_weights()
    with torch.no_grad():
        return net.double()(net_input(tensors)).logits[:, :, :VOCAB].float().contiguous()


def write():
    torch.manual_seed(2)
    net = model()
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.2 * torch.randn(p.shape))
    with tempfile.TemporaryDirectory() as folder:
        net.save_pretrained(folder)
        tensors = load_file(pathlib.Path(folder) / "model.safetensors")
    tensors["x"] = torch.randint(VOCAB, (3, CONTEXT), dtype=torch.int32)
    tensors["logits"] = logits(tensors)
    save_file(tensors, FILE)
    print(f"wrote {FILE.name}, torch {torch.__version__}, transformers {transformers.__version__}")


if __name__ == "__main__":
    run(__doc__, write, FILE, logits, f"transformers {transformers.__version__}")
