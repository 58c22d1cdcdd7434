"""Which rows a cluster is, and every cluster file that contradicts itself or the embedding."""

from pathlib import Path

import msgspec
import pytest
import torch
from farpair.engine.errors import InputError
from farpair.engine.events import RunRequest
from farpair.engine.models.cluster_file import check_layout
from farpair.engine.models.clusters import Cluster, cluster_of
from farpair.engine.models.discovery import model_at
from farpair.engine.models.header import read_header
from farpair.engine.models.tensors import StoredTensors
from farpair.engine.runs.request import request_for
from safetensors.torch import load_file, save_file
from support.fixtures import MASK_FILE, build_small_model, token_texts, write_header, write_vocabulary

N, D = 200, 16


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return build_small_model(tmp_path / "model", n=40, d=D, vocabulary=N)


def change(folder: Path, **tensors: torch.Tensor | None) -> None:
    """Put `tensors` into the cluster file in place of those that are there; None takes one out."""
    changed = {**load_file(folder / MASK_FILE), **tensors}
    save_file({name: tensor for name, tensor in changed.items() if tensor is not None}, folder / MASK_FILE)


def request(folder: Path, **changes: str | None) -> RunRequest:
    fields = {"cluster_file": str(folder / MASK_FILE), "tokenizer": str(folder / "tokenizer.json")} | changes
    return msgspec.convert({"model": "model", "weights": str(folder / "W.safetensors"), **fields}, RunRequest)


def cluster_for(request: RunRequest) -> Cluster:
    with StoredTensors(Path(request.weights)) as stored:
        return cluster_of(request, stored)


def refusal(folder: Path, **changes: str | None) -> str:
    with pytest.raises(InputError) as caught:
        cluster_for(request(folder, **changes))
    sentence = str(caught.value)
    assert str(folder) in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def test_the_cluster_file_gives_ids_and_the_centroid_as_it_is_stored(folder: Path) -> None:
    stored = load_file(folder / MASK_FILE)

    cluster = cluster_for(request_for(model_at(folder)))

    assert cluster.token_ids == stored["cluster_mask"].nonzero().flatten().tolist()
    assert cluster.centroid is not None
    assert cluster.centroid.dtype == torch.float32
    assert torch.equal(cluster.centroid, stored["centroid"].to(torch.float32))
    assert cluster.file is not None
    assert cluster.file.path == str(folder / MASK_FILE)


@pytest.mark.parametrize("mask", [torch.uint8, torch.bool])
@pytest.mark.parametrize("ids", [torch.int32, torch.int64])
@pytest.mark.parametrize("centroid", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_cluster_file_of_other_dtypes_is_read(
    folder: Path, mask: torch.dtype, ids: torch.dtype, centroid: torch.dtype
) -> None:
    stored = load_file(folder / MASK_FILE)
    change(
        folder,
        cluster_mask=stored["cluster_mask"].to(mask),
        cluster_token_ids=stored["cluster_token_ids"].to(ids),
        centroid=stored["centroid"].to(centroid),
    )

    cluster = cluster_for(request(folder))

    assert cluster.token_ids == stored["cluster_token_ids"].tolist()
    assert cluster.centroid is not None
    assert cluster.centroid.dtype == (torch.float64 if centroid == torch.float64 else torch.float32)


def test_centroid_and_count_need_not_be_there(folder: Path) -> None:
    change(folder, centroid=None, n_cluster=None, spatial_mask=None)
    cluster = cluster_for(request(folder))
    assert len(cluster.token_ids) == 40
    assert cluster.centroid is None


def test_mask_and_ids_must_be_the_same_tokens(folder: Path) -> None:
    stored = load_file(folder / MASK_FILE)
    mask, ids = stored["cluster_mask"], stored["cluster_token_ids"]
    first = int(ids[0])
    missing = mask.clone()
    missing[ids[0]] = 0

    change(folder, cluster_mask=missing)
    assert f"disagree: in the ids and not in the mask is {first}." in refusal(folder)

    change(folder, cluster_mask=mask, cluster_token_ids=ids[1:].clone())
    assert f"disagree: in the mask and not in the ids is {first}." in refusal(folder)

    change(folder, cluster_token_ids=ids.flip(0).contiguous())
    assert "disagree: the ids are not in ascending order." in refusal(folder)


@pytest.mark.parametrize(("outside", "named"), [(-1, "-1"), (N, "200"), (2**31 - 1, "2147483647")])
def test_an_id_that_is_no_token_is_refused(folder: Path, outside: int, named: str) -> None:
    ids = load_file(folder / MASK_FILE)["cluster_token_ids"]
    ids[3] = outside
    change(folder, cluster_token_ids=ids)
    assert f"holds ids outside the vocabulary of 200 tokens: {named}." in refusal(folder)


def test_an_id_that_is_there_twice_is_refused(folder: Path) -> None:
    ids = load_file(folder / MASK_FILE)["cluster_token_ids"]
    ids[3] = ids[4]
    change(folder, cluster_token_ids=ids)
    assert f"names a token more than once: {int(ids[4])}." in refusal(folder)


def test_a_count_that_is_not_the_ids_is_refused(folder: Path) -> None:
    change(folder, n_cluster=torch.tensor([41], dtype=torch.int32))
    assert '"n_cluster" in ' in refusal(folder)
    assert "is 41, and there are 40 ids." in refusal(folder)


def test_an_empty_cluster_is_refused(folder: Path) -> None:
    change(
        folder,
        cluster_mask=torch.zeros(N, dtype=torch.uint8),
        cluster_token_ids=torch.zeros(0, dtype=torch.int32),
        n_cluster=torch.tensor([0], dtype=torch.int32),
    )
    assert "is empty." in refusal(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_centroid_that_is_not_finite_is_refused(folder: Path, value: float) -> None:
    centroid = load_file(folder / MASK_FILE)["centroid"]
    centroid[5] = value
    change(folder, centroid=centroid)
    assert '"centroid" in ' in refusal(folder)
    assert "holds NaN or infinity." in refusal(folder)


def test_a_cluster_file_for_another_embedding_is_refused(folder: Path) -> None:
    change(folder, cluster_mask=torch.zeros(N + 1, dtype=torch.uint8))
    assert "is for 201 tokens, and the embedding has 200." in refusal(folder)
    change(folder, cluster_mask=None)
    assert 'has no tensor "cluster_mask"; its tensors are' in refusal(folder)


def test_a_hostile_dtype_is_shown_escaped(folder: Path) -> None:
    place = {"dtype": "\x1b[31mred", "shape": [N], "data_offsets": [0, N]}
    write_header(folder / MASK_FILE, {"cluster_mask": place}, following=N)
    with pytest.raises(InputError) as caught:
        check_layout(read_header(folder / MASK_FILE), N, D)
    assert r"is \x1b[31mred, which safetensors does not have." in str(caught.value)


def test_the_cluster_all_is_every_token(folder: Path) -> None:
    cluster = cluster_for(request(folder, cluster="all"))
    assert (cluster.token_ids, cluster.centroid, cluster.file) == (list(range(N)), None, None)


def test_the_cluster_of_a_pattern_is_the_tokens_whose_text_matches(folder: Path) -> None:
    cluster = cluster_for(request(folder, cluster=r"tokens:^\[unused\d+\]$"))
    expected = [id for id, text in enumerate(token_texts(N)) if text.startswith("[unused")]
    assert (cluster.token_ids, cluster.centroid) == (expected, None)


def test_a_pattern_that_gives_no_cluster_is_refused(folder: Path) -> None:
    assert "is empty: nobody says this matches no token" in refusal(folder, cluster="tokens:nobody says this")
    assert "needs a tokenizer.json" in refusal(folder, cluster="tokens:word", tokenizer=None)
    (folder / "tokenizer.json").write_text("{}")
    assert "is not a tokenizer" in refusal(folder, cluster="tokens:word")


def test_a_cluster_that_is_of_no_known_kind_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="cluster: 'most' is not a cluster; it is mask, all, "):
        cluster_for(request(folder, cluster="most"))
    assert "There is no cluster file beside" in refusal(folder, cluster_file=None)


@pytest.mark.parametrize(("tokens", "added", "said"), [
    (5000, 0, "5,000 tokens, and the embedding 100 rows"),
    (100, 1, "matches 1 of the tokens of .*, all beyond the embedding's 100 rows"),
    (100, 0, "matches no token of"),
])  # fmt: skip
def test_a_cluster_of_tokens_without_rows_is_told_from_one_of_no_tokens(
    tmp_path: Path, tokens: int, added: int, said: str
) -> None:
    last = {"last": tokens} if added else {}
    write_vocabulary(tmp_path / "tokenizer.json", {f"t{id}": id for id in range(tokens)}, added=last)
    save_file({"W": torch.zeros(100, 4)}, tmp_path / "W.safetensors")
    request = RunRequest(
        model="m",
        weights=str(tmp_path / "W.safetensors"),
        cluster="tokens:^(t4999|last)$",
        tokenizer=str(tmp_path / "tokenizer.json"),
    )
    with pytest.raises(InputError, match=said):
        cluster_for(request)


@pytest.mark.parametrize(
    ("named", "ids"),
    [("7", [7]), ("0-3", [0, 1, 2, 3]), ("199,5-6,5", [5, 6, 199]), (" 1 , 2,", [1, 2]), ("0-0", [0])],
)
def test_a_cluster_of_ids_is_these_rows_each_once(folder: Path, named: str, ids: list[int]) -> None:
    assert cluster_for(request(folder, cluster=f"ids:{named}")).token_ids == ids


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("", "names no id"),
        (",", "names no id"),
        ("200", "names token 200, and the matrix has 200 rows"),
        ("0-99999999999999999", "names token 99999999999999999"),
        ("5-3", "5-3 is neither an id nor a range"),
        ("-1", "is neither an id nor a range"),
        ("1-", "is neither an id nor a range"),
        ("0x10", "is neither an id nor a range"),
        ("\u0663", "is neither an id nor a range"),
        ("9" * 5_000, "is neither an id nor a range"),
    ],
)
def test_ids_that_are_none_are_refused(folder: Path, named: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        cluster_for(request(folder, cluster=f"ids:{named}"))
    assert says in str(caught.value)


def test_a_file_of_ids_is_read_a_line_at_a_time(folder: Path) -> None:
    (folder / "ids.txt").write_text("# never trained\n12\n\n 3 \r\n199\n")
    cluster = cluster_for(request(folder, cluster=f"file:{folder / 'ids.txt'}"))
    assert cluster.token_ids == [3, 12, 199]
    assert cluster.file is not None
    assert cluster.file.path == str(folder / "ids.txt")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "names no id"),
        (b"1\nx\n", "line 2: x is not a token id"),
        (b"1\n200\n", "line 2 names token 200"),
        (b"1\n1\n", "names a token more than once: 1"),
        (b"\xff\n", "line 1:"),
        (b"PK\x03\x04", "is a zip archive"),
        (b"\x1b[31m\n", "is not a token id"),
    ],
)
def test_a_file_that_names_no_rows_is_refused(folder: Path, content: bytes, says: str) -> None:
    (folder / "ids.txt").write_bytes(content)
    assert says in refusal(folder, cluster=f"file:{folder / 'ids.txt'}")


def test_a_file_that_is_not_there_is_refused(folder: Path) -> None:
    assert "There is no file" in refusal(folder, cluster=f"file:{folder / 'gone.txt'}")
    assert "it is a folder" in refusal(folder, cluster=f"file:{folder}")


def test_a_mask_in_a_safetensors_file_is_a_cluster(folder: Path) -> None:
    mask = torch.zeros(N, dtype=torch.bool)
    mask[[4, 150]] = True
    save_file({"mask": mask, "other": torch.ones(3)}, folder / "one.safetensors")
    assert cluster_for(request(folder, cluster=f"file:{folder / 'one.safetensors'}")).token_ids == [4, 150]
    save_file(
        {"a": mask, "b": (~mask).to(torch.uint8), "none": torch.zeros(N, dtype=torch.bool)}, folder / "two#2"
    )
    assert cluster_for(request(folder, cluster=f"file:{folder / 'two#2'}#a")).token_ids == [4, 150]
    assert len(cluster_for(request(folder, cluster=f"file:{folder / 'two#2'}#b")).token_ids) == N - 2
    assert "marks no token" in refusal(folder, cluster=f"file:{folder / 'two#2'}#none")
    assert 'no tensor "c"' in refusal(folder, cluster=f"file:{folder / 'two#2'}#c")
    assert "file:PATH#TENSOR says which" in refusal(folder, cluster=f"file:{folder / MASK_FILE}")
    assert "holds no mask of 200 tokens" in refusal(folder, cluster=f"file:{folder / 'W.safetensors'}")


def test_a_file_is_named_from_where_the_person_stands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (folder / "ids.txt").write_text("7")
    assert request_for(model_at(folder), cluster="file:ids.txt").cluster == f"file:{folder / 'ids.txt'}"


def test_copies_are_the_rows_that_are_identical_to_another(folder: Path) -> None:
    W = load_file(folder / "W.safetensors")["W"]
    expected = [row for row in range(N) if sum(torch.equal(W[row], other) for other in W) > 1]
    assert cluster_for(request(folder, cluster="copies")).token_ids == expected
    assert len(expected) > 1
    save_file({"W": torch.eye(N)}, folder / "W.safetensors")
    assert "no two rows" in refusal(folder, cluster="copies")


def test_a_zero_and_a_minus_zero_are_no_copies(folder: Path) -> None:
    save_file({"W": torch.tensor([[0.0], [-0.0], [1.0], [1.0]])}, folder / "W.safetensors")
    assert cluster_for(request(folder, cluster="copies")).token_ids == [2, 3]


def test_tokens_match_as_they_are_stored_too(folder: Path) -> None:
    tokens = {f"<0x{byte:02X}>": byte for byte in range(N)}
    write_vocabulary(folder / "tokenizer.json", tokens, {"type": "ByteFallback"})
    assert cluster_for(request(folder, cluster="tokens:^<0x")).token_ids == list(range(N))
    assert cluster_for(request(folder, cluster="tokens:^A$")).token_ids == [0x41]


def test_a_script_is_the_tokens_with_one_of_its_characters(folder: Path) -> None:
    texts = ["a", "ก", "xกy", "字", "ж", "1", "Ġ"]
    write_vocabulary(folder / "tokenizer.json", {text: id for id, text in enumerate(texts)})
    assert cluster_for(request(folder, cluster="script:Thai")).token_ids == [1, 2]
    assert cluster_for(request(folder, cluster="script:han")).token_ids == [3]
    assert "is the script of no token" in refusal(folder, cluster="script:Gothic")
    for name in ("Klingon", "", "Thai}|.*", "\u0e01"):
        with pytest.raises(InputError, match="Unicode has no script"):
            cluster_for(request(folder, cluster=f"script:{name}"))
