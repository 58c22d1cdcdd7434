"""Opens untrusted files: only regular files are opened, so that no pipe or device can block a read."""

import errno
import os
import stat
import tempfile
from io import FileIO
from pathlib import Path


def open_regular(path: Path) -> FileIO:
    """The regular file at `path`, open for unbuffered reading. Raises OSError where it cannot be opened or is not
    a regular file."""
    return FileIO(regular_descriptor(path))


def regular_descriptor(path: Path) -> int:
    """The descriptor of the regular file at `path`, open for reading. Raises OSError as `open_regular` does."""
    try:
        status = os.stat(path)
    except ValueError:
        raise OSError(errno.EINVAL, "a file name cannot hold a NUL") from None
    _check_regular(status)  # before the file is opened, because opening some devices has effects
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        _check_regular(os.fstat(fd))  # another file may have taken its place
    except OSError:
        os.close(fd)
        raise
    return fd


def read_regular(path: Path, most: int) -> bytes:
    """The content of the regular file at `path`. Raises OSError where it is not a regular file, or has more than
    `most` bytes."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise OSError(errno.EFBIG, f"it has {size:,} bytes, and at most {most:,} can be right")
        content = bytearray(size)
        return bytes(content[: read_into(file, memoryview(content))])


def read_into(file: FileIO, buffer: memoryview) -> int:
    """Fill `buffer` from `file` and return the number of bytes read, which is less than the buffer's size only at
    the end of the file."""
    filled = 0
    while filled < len(buffer) and (got := file.readinto(buffer[filled:])):
        filled += got
    return filled


def replace_file(path: Path, content: bytes) -> None:
    """Replace the content of the file `path` atomically, and keep its mode. Raises OSError."""
    descriptor, written = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.chmod(written, path.stat().st_mode & 0o7777 if path.exists() else 0o644)
        os.replace(written, path)
    except BaseException:
        os.unlink(written)
        raise


def _check_regular(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
