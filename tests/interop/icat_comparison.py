#!/usr/bin/env python3
"""The catalogue gives icat.server's answers, on both engines, but for what the compatibility page names."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "icat"))

import compare  # noqa: E402

if __name__ == "__main__":
    compare.main(verbose="--verbose" in sys.argv)
