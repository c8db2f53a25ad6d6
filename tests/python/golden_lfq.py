"""The golden numbers of lookup-free and binary spherical quantization still are what PyTorch computes."""

import pathlib
import runpy
import sys

script = pathlib.Path(__file__).resolve().parent.parent / "golden" / "make_lfq.py"
sys.argv = [str(script), "--check"]
runpy.run_path(str(script), run_name="__main__")
