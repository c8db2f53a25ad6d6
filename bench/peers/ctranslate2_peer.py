"""CTranslate2: sampling of the GPT, whose block is that of GPT-2, as its specification of a Transformer decoder."""
import tempfile

import ctranslate2
import numpy as np
from ctranslate2.specs import common_spec, transformer_spec

from cases import case, opened


class Peer:
    def __init__(self, bf16=False):
        self.precision = "bfloat16" if bf16 else "float32"
        self.name = "CTranslate2" + " bf16" * bf16
        self.versions = {"CTranslate2": ctranslate2.__version__}
        if self.precision not in ctranslate2.get_supported_compute_types("cpu"):
            raise RuntimeError(f"it has no {self.precision} on this processor")

    def row(self, name, threads):
        made = case(name)
        if made is None or made.kind != "sample":
            return None
        net, context = self.load(made.model, threads), made.model.context
        start = [[str(len(made.model.token.weight) - 1)]] * made.count

        def call():
            drawn = net.generate_batch(start, max_length=context, min_length=context, sampling_topk=0,
                                       sampling_temperature=1, include_prompt_in_result=False,
                                       max_batch_size=made.count)
            if any(len(one.sequences_ids[0]) != context for one in drawn):
                raise ValueError(f"expected {context} tokens, got {[len(one.sequences_ids[0]) for one in drawn]}")

        return call

    def probe(self, name):
        made = case(name)
        if made is None or made.kind != "sample":
            return None
        ids = [[str(int(t)) for t in row] for row in opened(made.model, made.batches[0])]
        logits = np.array(self.load(made.model, 1).forward_batch(ids).to(ctranslate2.DataType.float32))
        return logits[:, :, :made.model.vocab]

    def load(self, model, threads):
        with tempfile.TemporaryDirectory() as folder:
            spec = specification(model)
            spec.validate()
            spec.optimize()
            spec.save(folder)
            return ctranslate2.Generator(folder, device="cpu", intra_threads=threads, inter_threads=1,
                                         compute_type=self.precision)


def specification(model):
    """Labels stand in the vocabulary behind the tokens: their logits are -1e9, so that none is drawn."""
    array = lambda tensor: tensor.detach().numpy().copy()
    layers, heads, others = len(model.blocks), model.blocks[0].heads, len(model.token.weight) - model.vocab
    spec = transformer_spec.TransformerDecoderModelSpec.from_config(
        layers, heads, pre_norm=True, activation=common_spec.Activation.GELUTanh)
    decoder = spec.decoder
    decoder.scale_embeddings = False
    decoder.embeddings.weight = array(model.token.weight)
    decoder.position_encodings.encodings = array(model.position.weight)
    head = array(model.head.weight)
    decoder.projection.weight = np.vstack([head, np.zeros((others, head.shape[1]), np.float32)])
    decoder.projection.bias = np.concatenate([np.zeros(len(head)), np.full(others, -1e9)]).astype(np.float32)

    def norm(to, layer):
        to.gamma, to.beta = array(layer.weight), array(layer.bias)

    def linear(to, layer):
        to.weight, to.bias = array(layer.weight), array(layer.bias)

    norm(decoder.layer_norm, model.norm)
    for to, block in zip(decoder.layer, model.blocks):
        norm(to.self_attention.layer_norm, block.norm1)
        linear(to.self_attention.linear[0], block.qkv)
        linear(to.self_attention.linear[1], block.out)
        norm(to.ffn.layer_norm, block.norm2)
        linear(to.ffn.linear_0, block.up)
        linear(to.ffn.linear_1, block.down)
    words = [str(i) for i in range(model.vocab + others)]
    spec.register_vocabulary(words)
    spec.config.bos_token, spec.config.eos_token, spec.config.unk_token = words[-1], words[-2], words[-3]
    return spec
