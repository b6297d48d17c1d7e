"""Programs whose clock differs from the machine's."""

import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")


def shift_clock(seconds, directory):
    """What a command is started with, so that its clock is fast, or, with a negative number, slow. Time-outs stay as they are. The
    directory gets the library that does it."""
    library = Path(directory) / "fake_clock.so"
    if not library.exists():
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE], check=True)
    return ["env", f"LD_PRELOAD={library}", f"FAKE_CLOCK_SECONDS={seconds}"]
