"""What an archive must be, computed by a second writer from the formats' definitions: any byte of it, from the files."""

import bisect
import datetime
import struct
import tarfile
import unicodedata

U32, U16, BLOCK = 0xFFFFFFFF, 0xFFFF, 65535


class Member:
    """A file of an archive; `read(offset, length)` gives its bytes."""

    def __init__(self, name, size, mtime, crc, read):
        self.name, self.size, self.mtime, self.crc, self.read = name.encode(), size, mtime, crc, read


def clean_path(name):
    """A path that no reader stumbles over."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    harmful = lambda c: unicodedata.category(c) == "Cc" or c in "\\:"  # noqa: E731
    parts = ["_" if part == ".." else "".join("_" if harmful(c) else c for c in part) for part in parts]
    return unicodedata.normalize("NFC", "/".join(parts))


def make_names_unique(names):
    """Equal names are numbered before the extension, in their order."""
    taken, out = set(), []
    for name in names:
        folder, _, file = name.rpartition("/")
        dot = file.rfind(".")
        stem, extension = (file[:dot], file[dot:]) if dot > 0 else (file, "")
        candidate, number = name, 2
        while candidate in taken:
            candidate = (folder + "/" if folder else "") + f"{stem} ({number}){extension}"
            number += 1
        taken.add(candidate)
        out.append(candidate)
    return out


def to_dos_time(mtime):
    moment = datetime.datetime.fromtimestamp(min(max(mtime, 315532800), 4354819198), datetime.UTC)
    time = moment.hour << 11 | moment.minute << 5 | moment.second // 2
    return time, (moment.year - 1980) << 9 | moment.month << 5 | moment.day


def to_unix_stamp(mtime):
    return struct.pack("<HHBi", 0x5455, 5, 1, min(max(mtime, -(1 << 31)), (1 << 31) - 1))


class Archive:
    """Pieces one after the other: bytes, or a member's data with or without block headers."""

    def __init__(self):
        self.pieces, self.starts, self.total = [], [], 0

    def add(self, length, piece):
        if length:
            self.starts.append(self.total)
            self.pieces.append((length, piece))
            self.total += length

    def add_bytes(self, data):
        self.add(len(data), lambda a, b: data[a:b])

    def read(self, start, end):
        """The bytes from start to end, which is not included."""
        out, at = [], bisect.bisect_right(self.starts, start) - 1
        while start < end:
            length, piece = self.pieces[at]
            first = start - self.starts[at]
            last = min(length, end - self.starts[at])
            out.append(piece(first, last))
            start += last - first
            at += 1
        return b"".join(out)


def frame_in_stored_blocks(member):
    """The member's data in stored blocks."""

    def stored_piece(a, b):
        out, block = [], a // (BLOCK + 5)
        while block * (BLOCK + 5) < b:
            start = block * BLOCK
            size = min(BLOCK, member.size - start)
            low, high = max(a - block * (BLOCK + 5), 0), min(b - block * (BLOCK + 5), size + 5)
            head = struct.pack("<BHH", start + size == member.size, size, size ^ U16)
            out.append(head[low : min(high, 5)])
            if high > 5:
                first = max(low - 5, 0)
                out.append(member.read(start + first, high - 5 - first))
            block += 1
        return b"".join(out)

    return stored_piece


def zip_archive(members, blocks):
    archive, directory, full = Archive(), [], any(m.size == U32 for m in members)
    for m in members:
        offset = archive.total
        packed = m.size + 5 * max(1, -(-m.size // BLOCK)) if blocks else m.size
        large = m.size >= U32 or packed >= U32
        far = offset >= U32
        flags, method = (0x0808, 8) if blocks else (0x0800, 0)
        time, date = to_dos_time(m.mtime)
        crc, low, high = (0, 0, 0) if blocks else (m.crc, packed, m.size)
        extra = struct.pack("<HHQQ", 1, 16, high, low) if large else b""
        extra += to_unix_stamp(m.mtime)
        low, high = (U32, U32) if large else (low, high)
        archive.add_bytes(
            struct.pack("<IHHHHHIIIHH", 0x04034B50, 45 if large else 20, flags, method, time, date, crc, low, high,
                        len(m.name), len(extra)) + m.name + extra
        )
        archive.add(packed, frame_in_stored_blocks(m) if blocks else (lambda a, b, m=m: m.read(a, b - a)))
        if blocks:
            archive.add_bytes(struct.pack("<IIQQ" if large else "<IIII", 0x08074B50, m.crc, packed, m.size))
        if full and (large or far):
            large = far = True
        extra = (struct.pack("<QQ", m.size, packed) if large else b"") + (struct.pack("<Q", offset) if far else b"")
        extra = (struct.pack("<HH", 1, len(extra)) + extra if extra else b"") + to_unix_stamp(m.mtime)
        directory.append(
            struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 0x032D, 45 if large or far else 20, flags, method, time, date,
                        m.crc, U32 if large else packed, U32 if large else m.size, len(m.name), len(extra), 0, 0, 0,
                        0o100644 << 16, U32 if far else offset) + m.name + extra
        )
    start, size, count = archive.total, sum(map(len, directory)), len(members)
    for entry in directory:
        archive.add_bytes(entry)
    if count >= U16 or start >= U32 or size >= U32:
        archive.add_bytes(struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, count, count, size, start))
        archive.add_bytes(struct.pack("<IIQI", 0x07064B50, 0, start + size, 1))
    archive.add_bytes(
        struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, min(count, U16), min(count, U16), min(size, U32), min(start, U32), 0)
    )
    return archive


def tar_archive(members):
    """With the headers that Python's own library writes."""
    archive = Archive()
    for m in members:
        info = tarfile.TarInfo(m.name.decode())
        info.size, info.mtime, info.mode = m.size, m.mtime, 0o644
        archive.add_bytes(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict"))
        archive.add(m.size, lambda a, b, m=m: m.read(a, b - a))
        archive.add_bytes(bytes(-m.size % 512))
    archive.add_bytes(bytes(1024))
    return archive
