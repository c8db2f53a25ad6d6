"""The golden numbers of the codebook's policies still are what PyTorch computes."""

import pathlib
import runpy
import sys

script = pathlib.Path(__file__).resolve().parent.parent / "golden" / "make_codebook.py"
sys.argv = [str(script), "--check"]
runpy.run_path(str(script), run_name="__main__")
