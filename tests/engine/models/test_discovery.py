"""Which models are found, how they are described, and how broken ones are reported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from farpair.engine.errors import InputError
from farpair.engine.models.discovery import demo_model, model_at, models_in, tensors_folders
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs.request import request_for
from safetensors.torch import load_file, save_file
from support.fixtures import MASK_FILE, as_nobody, build_small_model


def test_every_folder_with_weights_is_a_model_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b", "C", "a"):
        build_small_model(tmp_path / name)
    (tmp_path / "notes").mkdir()
    (tmp_path / "W.txt").write_text("not a model")

    models = models_in(tmp_path)

    assert [model.name for model in models] == ["a", "b", "C"]
    first = models[0]
    assert (first.shape, first.dtype, first.tensor, first.problem) == ((200, 16), "BF16", "W", None)
    assert (first.cluster, first.cluster_file) == ("mask", tmp_path / "a" / MASK_FILE)
    assert (first.weights, first.tokenizer) == (
        tmp_path / "a" / "W.safetensors",
        tmp_path / "a" / "tokenizer.json",
    )


def test_without_a_cluster_file_the_cluster_is_all_tokens(tmp_path: Path) -> None:
    build_small_model(tmp_path / "a", tokenizer=False)
    (tmp_path / "a" / MASK_FILE).unlink()

    (model,) = models_in(tmp_path)

    assert (model.cluster, model.cluster_file, model.tokenizer, model.problem) == ("all", None, None, None)


def test_a_model_folder_given_as_the_tensors_folder_is_listed_itself(tmp_path: Path) -> None:
    build_small_model(tmp_path / "a")
    assert [model.name for model in models_in(tmp_path / "a")] == ["a"]


def test_links_that_lead_nowhere_do_not_hide_the_models_beside_them(tmp_path: Path) -> None:
    build_small_model(tmp_path / "a")
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert [model.name for model in models_in(tmp_path)] == ["a", "link"]


def test_a_model_is_named_for_its_folder_however_that_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_small_model(tmp_path / "a")
    (tmp_path / "a" / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "a" / "inner")
    assert model_at(Path("..")).name == "a"
    monkeypatch.chdir(tmp_path / "a")
    assert [model.name for model in models_in(Path("."))] == ["a"]


def test_a_broken_model_is_listed_with_its_problem(tmp_path: Path) -> None:
    for name in ("good", "cut", "link", "folder", "vector"):
        build_small_model(tmp_path / name)
    os.truncate(tmp_path / "cut" / "W.safetensors", 1_000)
    (tmp_path / "link" / "W.safetensors").unlink()
    (tmp_path / "link" / "W.safetensors").symlink_to(tmp_path / "gone")
    (tmp_path / "folder" / "W.safetensors").unlink()
    (tmp_path / "folder" / "W.safetensors").mkdir()
    save_file({"W": torch.ones(7)}, tmp_path / "vector" / "W.safetensors")

    problems = {model.name: model.problem or "" for model in models_in(tmp_path)}

    assert problems.pop("good") == ""
    for name, says in {"cut": "cut short", "link": "not there", "folder": "a folder", "vector": "(7)"}.items():
        assert says in problems[name]
        assert str(tmp_path / name / "W.safetensors") in problems[name]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"cluster_mask": None}, 'no tensor "cluster_mask"; its tensors are'),
        ({"cluster_token_ids": None}, 'no tensor "cluster_token_ids"'),
        ({"cluster_mask": torch.ones(199, dtype=torch.uint8)}, "for 199 tokens, and the embedding has 200"),
        ({"cluster_mask": torch.ones(200, 1, dtype=torch.uint8)}, "shape (200 × 1)"),
        ({"cluster_mask": torch.ones(200)}, "is F32; it must be uint8 or bool"),
        ({"cluster_token_ids": torch.ones(40, dtype=torch.int16)}, "is I16; it must be int32 or int64"),
        ({"cluster_token_ids": torch.ones(40, 1, dtype=torch.int32)}, "shape (40 × 1)"),
        ({"cluster_token_ids": torch.ones(201, dtype=torch.int32)}, "names 201 tokens, and the embedding has 200"),
        ({"centroid": torch.ones(15)}, "15 numbers, and the embedding's rows have 16"),
        ({"centroid": torch.ones(1, 16)}, "shape (1 × 16)"),
        ({"centroid": torch.ones(16, dtype=torch.int32)}, "is I32; it must be floating point"),
        ({"n_cluster": torch.ones(2, dtype=torch.int32)}, "shape (2); it must be (1)"),
        ({"n_cluster": torch.ones(1)}, "is F32; it must be int32 or int64"),
    ],
)
def test_a_cluster_file_that_does_not_fit_is_a_problem(
    tmp_path: Path, changed: dict[str, torch.Tensor | None], says: str
) -> None:
    path = build_small_model(tmp_path / "a") / MASK_FILE
    tensors = {**load_file(path), **changed}
    save_file({name: tensor for name, tensor in tensors.items() if tensor is not None}, path)

    (model,) = models_in(tmp_path)

    assert model.problem is not None
    assert says in model.problem
    assert str(path) in model.problem
    with pytest.raises(InputError, match=r"^.*$") as caught:
        request_for(model)
    assert str(caught.value) == model.problem


def test_a_damaged_cluster_file_is_a_problem(tmp_path: Path) -> None:
    path = build_small_model(tmp_path / "a") / MASK_FILE
    path.write_bytes(b"nonsense")
    assert str(path) in (models_in(tmp_path)[0].problem or "")


def test_files_and_folders_without_permission_are_problems(open_folder: Path) -> None:
    for name in ("file", "folder", "mask"):
        build_small_model(open_folder / name)
    (open_folder / "file" / "W.safetensors").chmod(0)
    (open_folder / "mask" / MASK_FILE).chmod(0)
    (open_folder / "folder").chmod(0)
    try:
        with as_nobody():
            problems = [model.problem or "" for model in models_in(open_folder)]
    finally:
        (open_folder / "folder").chmod(0o755)

    assert len(problems) == 3
    assert all("no permission" in problem for problem in problems)


def test_a_tensors_folder_that_cannot_be_listed_is_refused(open_folder: Path) -> None:
    with pytest.raises(InputError, match="There is no folder"):
        models_in(open_folder / "gone")
    (open_folder / "file").write_text("")
    with pytest.raises(InputError, match="file is a file; a folder of models is needed"):
        models_in(open_folder / "file")
    (open_folder / "closed").mkdir(mode=0)
    with as_nobody(), pytest.raises(InputError, match=r"no permission to read .*closed"):
        models_in(open_folder / "closed")


def test_hostile_names_are_escaped_in_problems(tmp_path: Path) -> None:
    folder = build_small_model(tmp_path / "\x1b]0;owned\x07")
    os.truncate(folder / "W.safetensors", 20)

    (model,) = models_in(tmp_path)

    assert model.name == "\x1b]0;owned\x07"
    assert model.problem is not None
    assert model.problem.isprintable()
    assert r"\x1b]0;owned\x07" in model.problem


def test_a_name_that_is_not_text_is_a_problem(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/\xff"
    os.rename(build_small_model(tmp_path / "a"), folder)
    (model,) = models_in(tmp_path)
    assert "is not UTF-8" in (model.problem or "")


def test_a_plain_file_is_a_model_of_its_only_or_named_tensor(tmp_path: Path) -> None:
    path = tmp_path / "embedding.safetensors"
    save_file({"E": torch.ones(5, 3), "bias": torch.ones(3)}, path)

    model = model_at(path)

    assert (model.name, model.tensor, model.shape, model.dtype) == ("embedding", "E", (5, 3), "F32")
    assert (model.cluster, model.problem) == ("all", None)

    save_file({"E": torch.ones(5, 3), "U": torch.ones(5, 4)}, path)
    assert 'name the one that is the embedding: "E" and "U"' in (model_at(path).problem or "")
    assert model_at(path, "U").shape == (5, 4)
    assert 'no tensor "V"; its tensors are "E" and "U"' in (model_at(path, "V").problem or "")
    save_file({"bias": torch.ones(3)}, path)
    assert "no 2-D tensor" in (model_at(path).problem or "")


def test_a_checkpoints_folder_and_its_file_are_the_same_model(tmp_path: Path) -> None:
    tensors = {"model.embed_tokens.weight": torch.ones(9, 4), "lm_head.weight": torch.ones(9, 4)}
    save_file(tensors, tmp_path / "model.safetensors")

    for path in (tmp_path, tmp_path / "model.safetensors"):
        model = model_at(path)
        assert (model.name, model.tensor) == (tmp_path.name, "lm_head.weight")


def test_a_model_folder_and_the_weights_in_it_are_the_same_model(tmp_path: Path) -> None:
    folder = build_small_model(tmp_path / "a")
    assert model_at(folder) == model_at(folder / "W.safetensors") == models_in(tmp_path)[0]


def test_nothing_at_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no file or folder .*gone"):
        model_at(tmp_path / "gone")
    with pytest.raises(InputError, match=r"holds none of W.safetensors, .* and consolidated.safetensors"):
        model_at(tmp_path)


def test_the_tensors_folder_is_given_or_in_the_environment_or_near(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("FARPAIR_TENSORS", "/from/environment")

    assert tensors_folders("here") == [work / "here"]
    assert tensors_folders("here:/there") == [work / "here", Path("/there")]
    assert tensors_folders(None) == [Path("/from/environment")]
    monkeypatch.setenv("FARPAIR_TENSORS", "")
    assert tensors_folders(None) == [work / "tensors"]
    (tmp_path / "tensors").mkdir()
    assert tensors_folders(None) == [tmp_path / "tensors"]
    (work / "tensors").mkdir()
    assert tensors_folders(None) == [work / "tensors"]


def test_the_demo_model_is_a_real_one() -> None:
    model = demo_model()
    assert (model.name, model.shape, model.dtype, model.problem) == (
        "all-MiniLM-L6-v2",
        (30_522, 384),
        "F32",
        None,
    )
    assert model.tokenizer is not None
    assert model.cluster == r"tokens:^\[unused\d+\]$"


def test_a_request_says_all_that_an_engine_needs(tmp_path: Path) -> None:
    model = model_at(build_small_model(tmp_path / "a"))

    request = request_for(model, RunSettings(batch=64, device="cpu"))

    assert (request.model, request.weights, request.tensor) == ("a", str(model.weights), "W")
    assert (request.cluster, request.cluster_file) == ("mask", str(model.cluster_file))
    assert (request.tokenizer, request.settings.batch, request.settings.device) == (
        str(model.tokenizer),
        64,
        "cpu",
    )
    assert request_for(model, cluster="all").cluster_file is None


@pytest.mark.parametrize(
    ("cluster", "batch", "says"),
    [
        ("most", 256, "cluster: 'most' is not a cluster; it is mask, all, copies, ids:"),
        ("mask", 256, "There is no 1.6a_cluster_mask.safetensors beside"),
        ("all", 0, "batch: 0 is not a whole number from 1 to 2,147,483,647."),
        ("tokens:\udcff", 256, "not UTF-8"),
        ("tokens:" + "x" * 70_000, 256, "is longer than 65,536 characters"),
    ],
)
def test_a_request_for_what_there_is_not_is_refused(tmp_path: Path, cluster: str, batch: int, says: str) -> None:
    save_file({"W": torch.ones(5, 3)}, tmp_path / "plain.safetensors")
    with pytest.raises(InputError) as caught:
        request_for(model_at(tmp_path / "plain.safetensors"), RunSettings(batch=batch), cluster=cluster)
    assert says in str(caught.value)


def test_models_are_described_without_torch_and_numpy(tmp_path: Path) -> None:
    build_small_model(tmp_path / "a")
    program = (
        "import sys; from pathlib import Path; from farpair.engine.models.discovery import *;"
        "from farpair.engine.runs.request import request_for;"
        "models = models_in(Path(sys.argv[1])) + [demo_model()]; request_for(models[0]);"
        "print(len(models), *({'torch', 'numpy', 'safetensors', 'tokenizers'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["2"]
