#!/usr/bin/env python3
"""Draws the medians over the size of the catalogue from what `bench/icat --engines sqlite` printed, as SVG. Needs matplotlib.

    python3 bench/icat/plot.py OUTPUT docs/src/images/catalogue-over-size.svg
"""

import re
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

NAMES = ["get by id", "datafiles of a dataset", "count", "newest 50", "1,000 datafiles", "create 100"]


def read_table(text):
    """The sizes, and milliseconds by the names of request and user."""
    sizes, medians = [], {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) > 4 and cells[1] == "user":
            sizes = [int(re.match(r"([\d,]+) p50", cell)[1].replace(",", "")) for cell in cells if "p50" in cell]
        elif sizes and len(cells) > 4 and cells[1] in ("root", "member"):
            values = cells[2 : 2 + len(sizes)]
            medians[cells[0], cells[1]] = [float(value.split(" / ")[0].replace(",", "")) for value in values]
    return sizes, medians


def main():
    sizes, medians = read_table(Path(sys.argv[1]).read_text())
    plt.rcParams.update({"svg.hashsalt": "undulator", "svg.fonttype": "none", "font.size": 10})
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True)
    for axis, user in zip(axes, ["root", "member"]):
        for name in NAMES:
            axis.plot(sizes, medians[name, user], marker="o", markersize=4, label=name)
        axis.set(xscale="log", yscale="log", title=user, xlabel="datafiles", ylim=(0.2, 60))
        axis.grid(alpha=0.3, which="both")
    axes[0].set_ylabel("p50, ms")
    axes[1].legend(fontsize=8, loc="upper left", ncols=2)
    figure.tight_layout()
    figure.savefig(sys.argv[2], metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main()
