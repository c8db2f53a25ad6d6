"""The golden logits of a small GPT-2 still are what transformers computes from the weights in the file."""

import pathlib
import runpy
import sys

script = pathlib.Path(__file__).resolve().parent.parent / "golden" / "make_gpt2_transformers.py"
sys.argv = [str(script), "--check"]
runpy.run_path(str(script), run_name="__main__")
