"""The odd files of the tests still have the pixels that Pillow gives."""

import pathlib
import runpy
import sys

script = pathlib.Path(__file__).resolve().parent.parent / "image" / "make_odd_files.py"
sys.argv = [str(script), "--check"]
runpy.run_path(str(script), run_name="__main__")
