"""OpenVINO on the CPU: encode and decode, the latency hint, buffers that are not copied; bfloat16 by its hint."""
import numpy as np
import openvino

from codes_net import codes_net


class Peer:
    def __init__(self, bf16=False):
        self.precision, self.hint = ("bfloat16", "bf16") if bf16 else ("float32", "f32")
        self.name = "OpenVINO" + " bf16" * bf16
        self.versions = {"OpenVINO": openvino.__version__.split("-")[0]}
        self.core = openvino.Core()
        if bf16 and "BF16" not in self.core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise RuntimeError("it has no bfloat16 on this processor")

    def row(self, name, threads):
        made = codes_net(name)
        if made is None:
            return None
        _, net, x = made
        model = openvino.convert_model(net, example_input=x, input=[tuple(x.shape)])
        compiled = self.core.compile_model(model, "CPU", {
            "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": self.hint})
        request, array = compiled.create_infer_request(), x.numpy()
        return lambda: request.infer([array], share_inputs=True, share_outputs=True)

    def probe(self, name):
        call = self.row(name, 1)
        return None if call is None else np.array(call()[0])
