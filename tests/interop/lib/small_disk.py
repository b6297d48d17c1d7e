"""Disks of a test's own that can be full."""

import contextlib
import subprocess

DISK = "24m"


class SmallDisk:
    """A file system of its own for the databases."""

    full, refusals = "disk full", (507,)

    def __init__(self, directory, size=DISK):
        self.directory, self.size = directory, size

    def prepare(self):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.size},mode=0700", "tmpfs", self.directory], check=True)

    def fill(self, _):
        with open(self.directory / "fill", "wb", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while file.write(b"x" * size):
                        pass

    def free(self, _):
        (self.directory / "fill").unlink()

    def remove(self):
        subprocess.run(["umount", "-l", self.directory], check=True)


class LimitedFiles:
    """Files that must not grow any more, for accounts that may not mount: the system refuses each further byte."""

    full, refusals = "down", (503,)

    def __init__(self, directory):
        self.directory = directory

    def prepare(self):
        pass

    def fill(self, facility):
        size = min(file.stat().st_size for file in self.directory.glob("*.db-wal"))
        self.limit(facility, size)

    def free(self, facility):
        self.limit(facility, "unlimited")

    def limit(self, facility, bytes):
        subprocess.run(["prlimit", "--pid", str(facility.server.pid), f"--fsize={bytes}:unlimited"], check=True)

    def remove(self):
        pass


def may_mount(directory):
    place = directory / "trial"
    place.mkdir()
    try:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], stderr=subprocess.DEVNULL)
        if mounted.returncode == 0:
            subprocess.run(["umount", place], check=True)
        else:
            print("no right to mount: files of limited size instead of a small disk")
        return mounted.returncode == 0
    finally:
        place.rmdir()
