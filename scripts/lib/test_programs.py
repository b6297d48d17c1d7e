#!/usr/bin/env python3
"""Reads what `cargo test --no-run --message-format=json` prints, and prints a line for each package with tests: its name, its
directory, and its test programs. With arguments only for these packages."""

import json
import sys
from collections import defaultdict
from pathlib import Path

# Those that take longest come first, so that none of them runs by itself at the end.
SLOWEST = ["undulator-logbook", "undulator-icat", "undulator", "undulator-auth", "undulator-download"]


def parse_package_name(id):
    """An id names the package only where its directory is called otherwise."""
    directory, _, rest = id.partition("#")
    return rest.partition("@")[0] if "@" in rest else directory.rpartition("/")[2]


def list_programs(lines, packages):
    """Test programs by package and directory."""
    programs = defaultdict(list)
    for line in lines:
        message = json.loads(line)
        if message["reason"] == "compiler-artifact" and message["profile"]["test"] and message["executable"]:
            name = parse_package_name(message["package_id"])
            if not packages or name in packages:
                programs[name, Path(message["manifest_path"]).parent].append(message["executable"])
    return programs


def rank_package(name):
    return SLOWEST.index(name) if name in SLOWEST else len(SLOWEST)


if __name__ == "__main__":
    found = list_programs(sys.stdin, sys.argv[1:])
    for name, directory in sorted(found, key=lambda key: rank_package(key[0])):
        print(name, directory, *sorted(found[name, directory]))
