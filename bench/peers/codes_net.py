"""The encoder with its lookup, and the decoder, as one module each: what an engine for inference converts."""
import torch

from cases import case


class Codes(torch.nn.Module):
    """Images to codes; |z|^2 is the same for all codes and is left out."""

    def __init__(self, model):
        super().__init__()
        self.encoder, self.book = model.encoder, torch.nn.Parameter(model.quantizer.weight)

    def forward(self, x):
        z = self.encoder(x).permute(0, 2, 3, 1).flatten(0, 2)
        return (self.book.square().sum(1) - 2 * z @ self.book.t()).argmin(1)


def codes_net(name):
    """(kind, module, input) of the rows encode and decode, else None."""
    made = case(name)
    if made is None or made.kind not in ("encode", "decode"):
        return None
    net = Codes(made.model) if made.kind == "encode" else made.model.decoder
    return made.kind, net.eval(), made.batches[0]
