"""ONNX Runtime on the CPU: encode and decode, the graph exported by PyTorch, all optimisations, output bound
beforehand. Its threads spin while they wait, as they do by default.
"""
import os
import tempfile
import warnings

import numpy as np
import onnx
import onnxruntime
import torch

from codes_net import codes_net


class Peer:
    name, precision = "ONNX Runtime", "float32"
    versions = {"ONNX Runtime": onnxruntime.__version__, "onnx": onnx.__version__}

    def row(self, name, threads):
        made = codes_net(name)
        if made is None:
            return None
        _, net, x = made
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the older exporter needs no further package
            path = os.path.join(folder, "net.onnx")
            torch.onnx.export(net, (x,), path, dynamo=False)
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        bound = session.io_binding()
        bound.bind_cpu_input(session.get_inputs()[0].name, x.numpy())
        bound.bind_output(session.get_outputs()[0].name, "cpu")

        def call():
            session.run_with_iobinding(bound)
            return bound

        return call

    def probe(self, name):
        call = self.row(name, 1)
        return None if call is None else np.asarray(call().copy_outputs_to_cpu()[0])
