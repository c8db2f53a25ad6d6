"""Sizes that stand in the names of rows."""
import re


def lookup_sizes(name):
    """(vectors, codes, width) of the rows that search a codebook."""
    if match := re.fullmatch(r"lookup/(\d+)/(\d+)/(\d+)", name):
        return tuple(map(int, match.groups()))
    if match := re.fullmatch(r"scale-codes/(\d+)", name):
        return 6272, int(match[1]), 64
    if match := re.fullmatch(r"scale-width/(\d+)", name):
        return 6272, 512, int(match[1])
    return None
