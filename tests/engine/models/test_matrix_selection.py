"""Which matrix of a checkpoint is searched, and what is refused rather than searched in its place."""

import json
from pathlib import Path

import pytest
import torch
from farpair.engine.errors import InputError
from farpair.engine.events import RunStarted
from farpair.engine.models.discovery import Model, model_at, model_of, with_other_matrix
from farpair.engine.models.loader import load_rows
from farpair.engine.models.tensor_names import Matrix, matrix_of
from farpair.engine.runs.request import request_for
from farpair.engine.worker.pipeline import run_events
from safetensors.torch import save_file
from support.architectures import ARCHITECTURES, Architecture, D, V
from support.checkpoints import write_sharded
from support.fixtures import build_small_model, write_header

EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"


def write(folder: Path, tensors: dict[str, torch.Tensor], config: dict[str, object] | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors")
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config))
    return folder


def of_shapes(folder: Path, architecture: Architecture) -> Path:
    tensors = {name: torch.ones(shape, dtype=torch.bfloat16) for name, shape in architecture.tensors.items()}
    return write(folder, tensors, architecture.config)


def problem(folder: Path, tensor: str | None = None, matrix: Matrix | None = None) -> str:
    said = model_at(folder, tensor, matrix).problem
    assert said is not None
    assert said.endswith(".")
    assert "\n" not in said
    return said


def searched(model: Model) -> tuple[str, str, str, str | None]:
    return model.tensor, model.matrix, model.head, model.problem


def test_the_table_has_forty_architectures_and_more() -> None:
    assert len({architecture.name for architecture in ARCHITECTURES}) >= 40


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=str)
def test_an_architectures_matrices_are_found(tmp_path: Path, architecture: Architecture) -> None:
    folder = of_shapes(tmp_path, architecture)
    head, embedding, unembedding = architecture.head, architecture.embedding, architecture.unembedding

    by_default = model_at(folder)

    if unembedding is not None:
        assert searched(by_default) == (unembedding, "unembedding", head, None)
        assert searched(model_at(folder, matrix="unembedding")) == (unembedding, "unembedding", head, None)
    else:
        assert searched(by_default) == (embedding, "embedding", head, None)
    assert searched(model_at(folder, matrix="embedding")) == (embedding, "embedding", head, None)
    assert by_default.shape == architecture.tensors[by_default.tensor]


@pytest.mark.parametrize("architecture", [a for a in ARCHITECTURES if a.head != "untied"], ids=str)
def test_an_unembedding_that_is_not_stored_is_the_embedding_only_where_they_are_tied(
    tmp_path: Path, architecture: Architecture
) -> None:
    folder = of_shapes(tmp_path, architecture)
    if architecture.head == "tied":
        assert model_at(folder, matrix="unembedding").tensor == architecture.embedding
    else:
        assert f'stores no unembedding; its embedding is "{architecture.embedding}".' in problem(
            folder, matrix="unembedding"
        )


@pytest.mark.parametrize("architecture", [a for a in ARCHITECTURES if a.head == "untied"], ids=str)
def test_the_other_matrix_is_one_step_away_and_back(tmp_path: Path, architecture: Architecture) -> None:
    model = model_at(of_shapes(tmp_path, architecture))
    other = with_other_matrix(model)
    assert other is not None
    assert (other.tensor, other.matrix) == (architecture.embedding, "embedding")
    assert with_other_matrix(other) == model


def test_a_model_with_one_matrix_has_no_other(tmp_path: Path) -> None:
    assert with_other_matrix(model_at(write(tmp_path, {EMBEDDING: torch.ones(9, 4)}))) is None


def test_files_decide_whether_matrices_are_tied(tmp_path: Path) -> None:
    both = {EMBEDDING: torch.ones(9, 4), HEAD: torch.ones(9, 4)}
    assert model_at(write(tmp_path / "two", both, {"tie_word_embeddings": True})).head == "untied"
    one = {EMBEDDING: torch.ones(9, 4)}
    assert model_at(write(tmp_path / "one", one, {"tie_word_embeddings": False})).head == "no head"
    assert model_at(write(tmp_path / "bare", one)).head == "no head"


@pytest.mark.parametrize("config", ["", "{", "[]", '{"vocab_size": "many"}', "\xff", "[" * 100_000])
def test_a_config_that_cannot_be_read_says_nothing(tmp_path: Path, config: str) -> None:
    folder = write(tmp_path, {EMBEDDING: torch.ones(9, 4)})
    (folder / "config.json").write_text(config)
    assert searched(model_at(folder)) == (EMBEDDING, "embedding", "no head", None)


def test_a_matrix_with_too_few_rows_for_the_vocabulary_is_no_candidate(tmp_path: Path) -> None:
    tensors = {EMBEDDING: torch.ones(90, 4), "encoder.embed_tokens.weight": torch.ones(89, 4)}
    assert model_at(write(tmp_path, tensors, {"vocab_size": 100})).tensor == EMBEDDING


def test_of_several_candidates_none_is_taken(tmp_path: Path) -> None:
    names = ("decoder.embed_tokens.weight", "encoder.embed_tokens.weight")
    folder = write(tmp_path, {name: torch.ones(9, 4) for name in names})
    assert 'has more than one embedding; name one tensor of "decoder' in problem(folder)
    assert model_at(folder, names[1]).tensor == names[1]


def test_tensors_of_other_names_are_named(tmp_path: Path) -> None:
    folder = write(
        tmp_path, {"a": torch.ones(9, 4), "b": torch.ones(9, 4), "c": torch.ones(2, 4)}, {"vocab_size": 9}
    )
    assert 'name the one that is the embedding: "a" and "b".' in problem(folder)
    few = write(tmp_path / "few", {"a": torch.ones(2, 4), "b": torch.ones(2, 4)}, {"vocab_size": 9})
    assert "no 2-D tensor with a row for each token" in problem(few)


def test_a_head_in_float8_is_refused_and_the_other_matrix_not_taken(tmp_path: Path) -> None:
    tensors = {EMBEDDING: torch.ones(9, 4), HEAD: torch.ones(9, 4).to(torch.float8_e4m3fn)}
    folder = write(tmp_path, tensors)
    said = problem(folder)
    assert f'Tensor "{HEAD}" in {folder / "model.safetensors"} is F8_E4M3' in said
    assert said.endswith("; its embedding is stored too.")
    assert searched(model_at(folder, matrix="embedding")) == (EMBEDDING, "embedding", "untied", None)


@pytest.mark.parametrize(
    ("stored", "beside"),
    [
        ({"weight": torch.uint32, "scales": torch.bfloat16, "biases": torch.bfloat16}, "scales"),
        ({"weight": torch.float8_e4m3fn, "weight_scale": torch.float32}, "weight_scale"),
        ({"weight": torch.float8_e4m3fn, "weight_scale_inv": torch.float32}, "weight_scale_inv"),
        ({"weight_packed": torch.int32, "weight_scale": torch.bfloat16}, "weight_scale"),
        ({"qweight": torch.int32, "qzeros": torch.int32, "scales": torch.float16}, "scales"),
        ({"weight": torch.bfloat16, "weight_scale": torch.float32}, "weight_scale"),
    ],
)
def test_a_quantised_matrix_is_refused(tmp_path: Path, stored: dict[str, torch.dtype], beside: str) -> None:
    tensors = {f"lm_head.{part}": torch.ones(9, 4).to(dtype) for part, dtype in stored.items()}
    folder = write(tmp_path, {EMBEDDING: torch.ones(9, 4), **tensors})
    assert f'is quantised, as "lm_head.{beside}" beside it says' in problem(folder)
    assert model_at(folder, matrix="embedding").problem is None


@pytest.mark.parametrize(
    ("first", "rest"),
    [
        ("model.transformer.wte.embedding", "model.transformer.wte.new_embedding"),  # molmo2
        ("model.embed_tokens.weight", "model.embed_tokens.additional_embedding.weight"),  # idefics
        ("lm_head.weight", "lm_head.additional_fc.weight"),
    ],
)
def test_a_matrix_in_two_tensors_is_refused(tmp_path: Path, first: str, rest: str) -> None:
    folder = write(tmp_path, {first: torch.ones(9, 4), rest: torch.ones(2, 4)})
    said = problem(folder)
    assert f'"{first}" in {folder / "model.safetensors"} is a part of its matrix' in said
    assert f'"{rest}"' in said
    assert model_at(folder, first).problem is None


def test_a_lora_adapter_is_refused(tmp_path: Path) -> None:
    layer = "base_model.model.lm_head"
    tensors = {f"{layer}.lora_A.weight": torch.ones(2, 4), f"{layer}.lora_B.weight": torch.ones(9, 2)}
    assert "is a LoRA adapter" in problem(write(tmp_path, tensors))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("pytorch_model.bin", "is a pickle, which farpair never loads"),
        ("model.pt", "is a pickle, which farpair never loads"),
        ("W.pth", "is a pickle, which farpair never loads"),
        ("model-Q8_0.gguf", "is a GGUF file; farpair reads safetensors"),
        ("adapter_model.safetensors", "is a LoRA adapter"),
        ("model-rank-0-part-0.safetensors", "sharded_state"),
    ],
)
def test_files_of_other_kinds_are_refused_by_themselves_and_in_their_folder(
    tmp_path: Path, name: str, says: str
) -> None:
    (tmp_path / name).write_bytes(b"anything")
    for path in (tmp_path / name, tmp_path):
        with pytest.raises(InputError, match=says) as caught:
            model_at(path)
        assert str(tmp_path / name) in str(caught.value)


def test_an_index_is_opened_by_its_folder(tmp_path: Path) -> None:
    write_sharded(tmp_path, {EMBEDDING: torch.ones(9, 4)})
    with pytest.raises(InputError, match="open its folder"):
        model_at(tmp_path / "model.safetensors.index.json")


def test_a_checkpoint_in_several_files_is_read_by_its_index(tmp_path: Path) -> None:
    head = torch.arange(36.0).reshape(9, 4)
    files = write_sharded(tmp_path, {EMBEDDING: torch.ones(9, 4), "norm.weight": torch.ones(4), HEAD: head})
    save_file({HEAD: torch.zeros(9, 4)}, tmp_path / "stray.safetensors")  # that the index does not name

    model = model_at(tmp_path)

    assert (model.name, model.tensor, model.weights) == (tmp_path.name, HEAD, files[2])
    assert torch.equal(load_rows(request_for(model)).rows, head)
    other = with_other_matrix(model)
    assert other is not None
    assert (other.tensor, other.weights) == (EMBEDDING, files[0])


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    files = write_sharded(tmp_path, {EMBEDDING: torch.ones(9, 4), HEAD: torch.ones(9, 4)})
    files[0].unlink()
    assert f"is not fully downloaded: {files[0].name}." in problem(tmp_path)


@pytest.mark.parametrize("shard", ["../model.safetensors", "/etc/passwd", "..", "", "a\0b"])
def test_an_index_leads_nowhere_but_into_its_folder(tmp_path: Path, shard: str) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {HEAD: shard}}))
    assert "names a file that is not in its folder" in problem(tmp_path)


@pytest.mark.parametrize("index", ["", "{}", "[]", '{"weight_map": {"a": 1}}', "[" * 100_000])
def test_an_index_that_is_none_is_refused(tmp_path: Path, index: str) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(index)
    assert "is not an index" in problem(tmp_path)


def test_an_index_that_names_a_tensor_its_file_has_not_is_refused(tmp_path: Path) -> None:
    save_file({EMBEDDING: torch.ones(9, 4)}, tmp_path / "one.safetensors")
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {HEAD: "one.safetensors"}}))
    assert f'has no tensor "{HEAD}"' in problem(tmp_path)


def test_the_notebooks_unembedding_is_bfloat16_written_as_bits(tmp_path: Path) -> None:
    W = torch.randn(20, 6).to(torch.bfloat16)
    save_file({"W": W.view(torch.uint16)}, tmp_path / "W_unembed.safetensors")

    model = model_at(tmp_path)

    assert searched(model) == ("W", "unembedding", "untied", None)
    assert (model.shape, model.dtype) == ((20, 6), "BF16")
    assert torch.equal(load_rows(request_for(model)).rows, W.to(torch.float32))
    save_file({"W": W.view(torch.uint16)}, tmp_path / "other.safetensors")
    assert 'Tensor "W" in' in problem(tmp_path / "other.safetensors")


def test_the_notebooks_two_matrices_are_told_apart(tmp_path: Path) -> None:
    build_small_model(tmp_path, d=6, vocabulary=200)
    save_file({"W": torch.randn(200, 6).to(torch.bfloat16).view(torch.uint16)}, tmp_path / "W_unembed.safetensors")
    model = model_at(tmp_path)
    assert (model.weights.name, model.matrix, model.head) == ("W.safetensors", "embedding", "untied")
    other = with_other_matrix(model)
    assert other is not None
    assert (other.weights.name, other.matrix, other.cluster) == ("W_unembed.safetensors", "unembedding", "mask")
    assert with_other_matrix(other) == model


def test_which_matrix_it_is_goes_into_the_request_and_comes_back(tmp_path: Path) -> None:
    folder = of_shapes(tmp_path, ARCHITECTURES[0])
    request = request_for(model_at(folder))
    assert (request.matrix, request.head, request.tensor) == ("unembedding", "untied", HEAD)
    again = model_of(request)
    assert searched(again) == searched(model_at(folder))
    started = next(event for event in run_events(request) if isinstance(event, RunStarted))
    assert (started.vocabulary, started.d) == (V, D)


def test_a_tensor_of_three_dimensions_is_no_candidate(tmp_path: Path) -> None:
    assert model_at(write(tmp_path, {EMBEDDING: torch.ones(9, 4), "head.weight": torch.ones(9, 4, 2)})).tensor == (
        EMBEDDING
    )


def test_names_of_norms_and_projections_are_no_matrix() -> None:
    for name in (
        "model.norm.weight",
        "lm_head.bias",
        "output_norm.weight",
        "encoder.output.dense.weight",
        "",
        ".",
    ):
        assert matrix_of(name) is None


def test_a_damaged_shard_is_the_models_problem(tmp_path: Path) -> None:
    files = write_sharded(tmp_path, {EMBEDDING: torch.ones(9, 4), HEAD: torch.ones(9, 4)})
    write_header(files[1], {}, following=3)
    assert str(files[1]) in problem(tmp_path)
