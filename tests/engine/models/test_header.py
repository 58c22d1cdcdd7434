"""Headers: every way in which a file is not a complete safetensors file has its own error."""

import json
import os
from pathlib import Path

import pytest
import torch
from farpair.engine.errors import InputError
from farpair.engine.models.header import LONGEST_HEADER, embedding_shape, listed, read_header
from farpair.engine.models.header_json import BITS
from safetensors import safe_open
from safetensors.torch import save_file
from support.fixtures import as_nobody, write_header

F32 = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_header(path)
    sentence = str(caught.value)
    assert str(path) in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def test_a_header_says_dtype_shape_and_place_of_every_tensor(tmp_path: Path) -> None:
    path = tmp_path / "W.safetensors"
    tensors = {"W": torch.ones(3, 4, dtype=torch.bfloat16), "ids": torch.arange(5)}
    save_file(tensors, path, metadata={"format": "pt"})

    header = read_header(path)

    assert {name: (place.dtype, place.shape) for name, place in header.places.items()} == {
        "W": ("BF16", (3, 4)),
        "ids": ("I64", (5,)),
    }
    assert embedding_shape(header, "W") == (3, 4)
    assert (header.file.path, header.file.size) == (str(path), path.stat().st_size)
    begin, end = header.places["ids"].data_offsets
    assert path.read_bytes()[header.start + begin : header.start + end] == tensors["ids"].numpy().tobytes()


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "There is no file" in refusal(tmp_path / "W.safetensors")


def test_a_file_where_a_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("not a folder")
    assert "a file, not a folder" in refusal(tmp_path / "model" / "W.safetensors")


def test_a_folder_where_a_file_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "W.safetensors").mkdir()
    assert "is a folder" in refusal(tmp_path / "W.safetensors")


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "W.safetensors")
    assert "not a regular file" in refusal(tmp_path / "W.safetensors")


def test_a_link_to_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "W.safetensors").symlink_to(tmp_path / "gone")
    assert "a link to a file that is not there" in refusal(tmp_path / "W.safetensors")


def test_a_file_that_may_not_be_read_is_refused(open_folder: Path) -> None:
    path = open_folder / "W.safetensors"
    save_file({"W": torch.ones(2, 3)}, path)
    path.chmod(0)
    with as_nobody():
        assert "no permission" in refusal(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "only 0 bytes"),
        (b"\x01\x02\x03", "only 3 bytes"),
        (b"PK\x03\x04 a zip file, which is what torch.save writes", "not a safetensors file"),
        ((LONGEST_HEADER + 1).to_bytes(8, "little") + b"{}", "100,000,001"),
        ((50).to_bytes(8, "little") + b"{}", "can be at most 2 bytes"),
    ],
)
def test_a_file_whose_header_cannot_be_there_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "W.safetensors"
    path.write_bytes(content)
    assert says in refusal(path)


def test_a_header_over_the_formats_limit_is_refused_even_if_the_file_is_as_long(tmp_path: Path) -> None:
    path = tmp_path / "W.safetensors"
    path.write_bytes((LONGEST_HEADER + 1).to_bytes(8, "little"))
    os.truncate(path, 2 * LONGEST_HEADER)
    assert "can be at most 100,000,000 bytes" in refusal(path)


@pytest.mark.parametrize(
    "header", [b"", b"{", b"[1, 2]", b'"W"', b"\xff\xfe{}", b'{"\xff": 1}', b"[" * 100_000, b"{} {}", b"NaN"]
)
def test_a_header_that_is_not_a_json_object_is_refused(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "W.safetensors"
    write_header(path, header)
    assert "not a JSON object" in refusal(path)


@pytest.mark.parametrize(
    "description",
    [
        1,
        None,
        {},
        F32 | {"shape": "2 x 3"},
        F32 | {"shape": [-2, -3]},
        F32 | {"shape": [2.5, 3]},
        F32 | {"data_offsets": [0]},
        F32 | {"data_offsets": [-24, 0]},
        F32 | {"dtype": 7},
        F32 | {"shape": [2**63, 0]},
        F32 | {"shape": [10**500, 0]},
        F32 | {"shape": [1] * 3_000},
        ["F32", [2, 3], [0, 24]],
    ],
)
def test_a_description_that_makes_no_sense_is_refused(tmp_path: Path, description: object) -> None:
    path = tmp_path / "W.safetensors"
    write_header(path, {"W": description}, following=24)
    assert 'does not say where tensor "W" lies' in refusal(path)


@pytest.mark.parametrize(
    ("header", "following", "says"),
    [
        ({"W": F32}, 23, "cut short: its tensors take 24 bytes, and only 23 are there"),
        ({"W": F32}, 0, "cut short"),
        ({"W": F32}, 25, "damaged: its tensors take 24 bytes, and 25 are there"),
        ({"W": F32 | {"shape": [2, 4]}}, 24, "24 bytes for shape (2 × 4) of F32"),
        ({"W": F32 | {"shape": [10**10, 10**10]}}, 24, "24 bytes for shape"),
        ({"W": F32 | {"shape": [2**62, 2**62, 0], "data_offsets": [0, 0]}}, 0, "0 bytes for shape"),
        ({"W": F32 | {"dtype": "F4", "shape": [3], "data_offsets": [0, 1]}}, 1, "1 bytes for shape (3) of F4"),
        ({"W": F32, "V": F32}, 24, "overlap or leave gaps"),
        ({"W": F32 | {"data_offsets": [8, 32]}}, 32, "overlap or leave gaps"),
        ({"W": F32 | {"dtype": "F4", "data_offsets": [24, 0]}}, 24, "overlap or leave gaps"),
    ],
)
def test_tensors_that_do_not_fill_the_file_are_refused(
    tmp_path: Path, header: object, following: int, says: str
) -> None:
    path = tmp_path / "W.safetensors"
    write_header(path, header, following)
    assert says in refusal(path)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (b'{"a":%b,"W":%b,"W":%b}', 'its header names "W" more than once'),
        (b'{"W":%b,"\\u0057":%b,"V":%b}', 'its header names "W" more than once'),
        (b'{"__metadata__":{},"__metadata__":{},"W":%b,"V":%b,"U":%b}', '"__metadata__" more than once'),
        (b'{"W":{"dtype":"F32","shape":[6],"data_offsets":[0,24],"dtype":"F32"}}', "in two ways"),
        (b'{"W":{"dtype":"F32","shape":[6],"data_offsets":[-0,24]}}', "in two ways"),
        (b'{"__metadata__":{"step":1}}', "the metadata in its header does not map strings to strings"),
        (b'{"__metadata__":[]}', "the metadata in its header does not map strings to strings"),
        (b'{"__metadata__":"x"}', "the metadata in its header does not map strings to strings"),
        (b'{"W":{"dtype":"Q9","shape":[6],"data_offsets":[0,24]}}', 'the dtype of tensor "W" is Q9, which'),
        (b'{"W":{"dtype":"f32","shape":[6],"data_offsets":[0,24]}}', 'the dtype of tensor "W" is f32, which'),
        (b'{"W":{"dtype":"\\u001b[2J","shape":[6],"data_offsets":[0,24]}}', r"is \x1b[2J, which"),
    ],
)
def test_what_can_be_read_in_two_ways_or_is_not_in_the_format_is_refused(
    tmp_path: Path, header: bytes, says: str
) -> None:
    path = tmp_path / "W.safetensors"
    write_header(path, header.replace(b"%b", json.dumps(F32).encode()), following=24)
    assert says in refusal(path)


def test_every_dtype_of_the_format_is_known(tmp_path: Path) -> None:
    path = tmp_path / "W.safetensors"
    for dtype, bits in BITS.items():
        place = {"dtype": dtype, "shape": [8], "data_offsets": [0, bits]}
        write_header(path, {"W": place}, following=bits)
        assert read_header(path).places["W"].dtype == dtype
        with safe_open(path, framework="pt") as file:
            assert list(file.keys()) == ["W"]


def test_a_missing_tensor_is_refused_with_those_that_are_there(tmp_path: Path) -> None:
    path = tmp_path / "W.safetensors"
    save_file({f"layer.{k}": torch.ones(1) for k in range(9)} | {"\x1b[31m": torch.ones(1)}, path)

    with pytest.raises(
        InputError, match=r'no tensor "W"; its tensors are .*"layer.0", .* and 4 more\.$'
    ) as caught:
        embedding_shape(read_header(path), "W")
    assert '"\\x1b[31m"' in str(caught.value)

    save_file({"V": torch.ones(1)}, path)
    with pytest.raises(InputError, match='its only tensor is "V"'):
        embedding_shape(read_header(path), "W")

    write_header(path, {})
    with pytest.raises(InputError, match="holds no tensors at all"):
        embedding_shape(read_header(path), "W")


@pytest.mark.parametrize(
    ("tensor", "says"),
    [
        (torch.ones(6), r"has shape \(6\)"),
        (torch.ones(()), r"has shape \(\)"),
        (torch.ones(1, 2, 3), r"has shape \(1 × 2 × 3\)"),
        (torch.ones(2, 3, dtype=torch.int32), "is I32"),
        (torch.ones(2, 3, dtype=torch.bool), "is BOOL"),
        (torch.ones(2, 3).to(torch.float8_e4m3fn), "is F8_E4M3"),
        (torch.ones(2, 3, dtype=torch.complex64), "is C64"),
        (torch.ones(0, 3), r"is empty: its shape is \(0 × 3\)"),
        (torch.ones(3, 0), r"is empty: its shape is \(3 × 0\)"),
    ],
)
def test_what_is_not_an_embedding_is_refused(tmp_path: Path, tensor: torch.Tensor, says: str) -> None:
    path = tmp_path / "W.safetensors"
    save_file({"W": tensor}, path)
    with pytest.raises(InputError, match=f'Tensor "W" in .*W.safetensors {says}'):
        embedding_shape(read_header(path), "W")


def test_a_list_in_words_names_the_first_few() -> None:
    assert [listed(range(n)) for n in (1, 2, 3)] == ["0", "0 and 1", "0, 1 and 2"]
    assert listed(range(2_006)) == "0, 1, 2, 3, 4, 5 and 2,000 more"


@pytest.mark.parametrize(("first", "what"), [
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "a Git LFS pointer"),
    (b"\n <!doctype HTML><html><body>404", "a web page"),
    (b"PK\x03\x04" + bytes(60), "a zip archive"),
    (b"\x93NUMPY\x01\x00v\x00{'descr'", "a NumPy array"),
    (b'{"metadata": {"total_size": 9}, "weight_map": {}}', "JSON, as the index of a checkpoint"),
    (b"\x80\x02]q\x00." + bytes(60), "a Python pickle"),
    (b"GGUF\x03\x00\x00\x00" + bytes(60), "a GGUF file"),
    (b"\x1f\x8b\x08" + bytes(60), "compressed by gzip"),
    (b"Entry not found", "text"),
])  # fmt: skip
def test_a_file_that_is_something_else_is_called_what_it_is(tmp_path: Path, first: bytes, what: str) -> None:
    (tmp_path / "W.safetensors").write_bytes(first)
    with pytest.raises(InputError, match=rf"W\.safetensors is not a safetensors file: it is {what}"):
        read_header(tmp_path / "W.safetensors")


def test_fields_that_the_format_allows_are_passed_over(tmp_path: Path) -> None:
    of_another = {"dtype": "F32", "shape": [1, 1], "data_offsets": [0, 4], "checksum": {"crc": -1, "of": ["a:b"]}}
    write_header(tmp_path / "W.safetensors", {"W": of_another}, 4)
    assert read_header(tmp_path / "W.safetensors").place("W").shape == (1, 1)
