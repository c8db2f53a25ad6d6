#!/usr/bin/env python3
"""Writes golden/gpt2_transformers.safetensors: a small GPT-2 as Hugging Face's GPT2LMHeadModel saves it, tokens, logits.

    python3 make_gpt2_transformers.py            writes the file
    python3 make_gpt2_transformers.py --check    computes the logits again from the weights in the file and compares
                                                 them: exit 1 if they differ, 77 without the library transformers

Token 40 is the <|endoftext|> that a sequence begins with. The logits are computed in float64 from float32 weights and
rounded once.
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

FILE = pathlib.Path(__file__).with_name("gpt2_transformers.safetensors")
VOCAB, CONTEXT, WIDTH, HEADS, LAYERS = 40, 12, 16, 2, 2


def model():
    config = transformers.GPT2Config(vocab_size=VOCAB + 1, n_positions=CONTEXT, n_embd=WIDTH, n_layer=LAYERS,
                                     n_head=HEADS, bos_token_id=VOCAB, eos_token_id=VOCAB)
    return transformers.GPT2LMHeadModel(config).eval()


def logits(tensors):
    """Those before each token of x; the input begins with <|endoftext|>."""
    net = model()
    weights = {k: v for k, v in tensors.items() if k.startswith("transformer.")}
    missing = set(net.load_state_dict(weights, strict=False).missing_keys)
    assert missing <= {"lm_head.weight"}, missing
    net.tie_weights()
    x = tensors["x"].long()
    x = torch.cat([torch.full((x.shape[0], 1), VOCAB), x[:, :-1]], 1)
    with torch.no_grad():
        return net.double()(x).logits[:, :, :VOCAB].float().contiguous()


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


def check():
    tensors = load_file(FILE)
    expected = tensors["logits"]
    error = ((logits(tensors) - expected).abs().max() / expected.abs().max()).item()
    print(f"logits compared with transformers {transformers.__version__}: relative difference {error:.3g}, expected "
          "below 1e-6")
    return 0 if error <= 1e-6 else 1


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(check())
    if sys.argv[1:]:
        sys.exit(__doc__)
    write()
