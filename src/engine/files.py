"""Opening files that anybody may have put there: nothing waits for a pipe's writer, or reads a device for ever."""

import errno
import os
import stat
from io import FileIO
from pathlib import Path


def open_regular(path: Path) -> FileIO:
    """The regular file at `path`, open for unbuffered reading. Raises OSError, for all that is none as well."""
    _check_regular(os.stat(path))  # before it is opened, which does something to some devices
    file = FileIO(path, opener=_without_waiting)
    try:
        _check_regular(os.fstat(file.fileno()))  # another may have taken its place
    except OSError:
        file.close()
        raise
    return file


def read_regular(path: Path, most: int) -> bytes:
    """All of the regular file at `path`. Raises OSError where it is none, or holds more than `most` bytes."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise OSError(errno.EFBIG, f"it has {size:,} bytes, and at most {most:,} can be right")
        content = bytearray(size)
        return bytes(content[: read_into(file, memoryview(content))])


def read_into(file: FileIO, buffer: memoryview) -> int:
    """Fill `buffer` from `file`, in as many reads as that takes; the bytes read, fewer only at the file's end."""
    filled = 0
    while filled < len(buffer) and (got := file.readinto(buffer[filled:])):
        filled += got
    return filled


def _check_regular(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
