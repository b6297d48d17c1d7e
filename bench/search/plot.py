#!/usr/bin/env python3
"""Draws the medians and 99th percentiles of searches over the number of datafiles from what `bench/search --files …` printed for
several numbers, as SVG. Needs matplotlib.

    python3 bench/search/plot.py OUTPUT docs/src/images/search-over-size.svg
"""

import re
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

NAMES = ["directory", "directory and ending", "part of a name", "two words", "ending", "everything"]


def read_tables(text):
    """Milliseconds, p50 and p99, by the names of the searches and the number of datafiles."""
    medians, tails, size = {}, {}, None
    for line in text.splitlines():
        if found := re.match(r"([\d,]+) datafiles: accepted", line):
            size = int(found[1].replace(",", ""))
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if size and len(cells) == 5 and re.fullmatch(r"[\d,]+", cells[1]):
            medians.setdefault(cells[0], {})[size] = float(cells[2].replace(",", ""))
            tails.setdefault(cells[0], {})[size] = float(cells[3].replace(",", ""))
    return medians, tails


def main():
    plt.rcParams.update({"svg.hashsalt": "undulator", "svg.fonttype": "none", "font.size": 10})
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True)
    tables = read_tables(Path(sys.argv[1]).read_text())
    for axis, title, table in zip(axes, ["p50", "p99"], tables):
        for name in NAMES:
            axis.plot(list(table[name]), list(table[name].values()), marker="o", markersize=4, label=name)
        axis.set(xscale="log", yscale="log", title=title, xlabel="datafiles")
        axis.grid(alpha=0.3, which="both")
    axes[0].set_ylabel("ms")
    axes[0].legend(fontsize=8, loc="upper left")
    figure.tight_layout()
    figure.savefig(sys.argv[2], metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main()
