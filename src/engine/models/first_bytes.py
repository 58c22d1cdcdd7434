"""Recognises a file's actual format by its first bytes."""

from typing import Final

LONGEST: Final = 512  # bytes that are examined

_LFS: Final = "it is a Git LFS pointer, which stands for the file; `git lfs pull` fetches that"
_CHECKPOINT: Final = "; a checkpoint in PyTorch's own format must be converted to safetensors"
_KINDS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"version https://git-lfs", _LFS),
    (b"GGUF", "it is a GGUF file, a format of llama.cpp"),
    (b"GGML", "it is a GGML file, a format of llama.cpp"),
    (b"ggjt", "it is a GGML file, a format of llama.cpp"),
    (b"\x93NUMPY", "it is a NumPy array (.npy); save it with the safetensors library"),
    (b"\x89HDF\r\n\x1a\n", "it is an HDF5 file"),
    (b"PK\x03\x04", f"it is a zip archive, as torch.save and numpy.savez write{_CHECKPOINT}"),
    (b"PK\x05\x06", "it is an empty zip archive"),
    (b"\x1f\x8b", "it is compressed by gzip; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "it is compressed by zstd; unpack it first"),
    (b"BZh", "it is compressed by bzip2; unpack it first"),
    (b"\xfd7zXZ\x00", "it is compressed by xz; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "it is a 7z archive; unpack it first"),
    (b"\x7fELF", "it is a program"),
    (b"%PDF", "it is a PDF"),
    (b"SQLite format 3\x00", "it is an SQLite database"),
    (b"PAR1", "it is a Parquet file"),
    (b"ARROW1", "it is an Arrow file"),
    (b"\x89PNG", "it is a picture"),
    (b"\xff\xd8\xff", "it is a picture"),
    (b"#!", "it is a script"),
    *((bytes([0x80, version]), f"it is a Python pickle{_CHECKPOINT}") for version in range(2, 6)),
)


def what_it_is(first: bytes, expected: str) -> str | None:
    """The format of a file that begins with `first`, as a clause ("it is a zip archive, …"); None where it is
    unknown.

    `expected` is the format that the file should have, "safetensors" or "json".
    """
    for magic, kind in _KINDS:
        if first.startswith(magic):
            return kind
    if first[257:262] == b"ustar":
        return "it is a tar archive; unpack it first"
    words = first.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if words.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--")):
        return "it is a web page, as a failed download leaves"
    if first and not first.strip(b"\0"):
        return "it holds only zeros, as an interrupted download leaves"
    if expected == "json":
        return "it is a safetensors file" if first[8:10] == b'{"' and first[4:8] == b"\0\0\0\0" else None
    if words.startswith((b"{", b"[")):
        index = b'"weight_map"' in first or b'"metadata"' in first
        return f"it is JSON{', as the index of a checkpoint in several files' if index else ''}"
    printable = all(character >= 32 or character in b"\t\r\n" for character in first)
    return "it is text" if words and printable and first.isascii() else None
