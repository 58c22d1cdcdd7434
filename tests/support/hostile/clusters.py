"""Cluster files in the notebooks' layout that contradict themselves, the embedding, or the machine's memory."""

import os
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from support.fixtures import MASK_FILE, build_small_model
from support.hostile.case import ESCAPES, Case, header_bytes

N, D, IN_CLUSTER = 200, 16, 40
Changes = Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor | None]]


def changed(name: str, says: str, changes: Changes) -> Case:
    """A good model of 40 of 200 tokens × 16, some tensors of its cluster file replaced, or taken away (None)."""

    def write(folder: Path) -> None:
        path = build_small_model(folder, n=IN_CLUSTER, d=D, vocabulary=N) / MASK_FILE
        tensors = load_file(path)
        whole: dict[str, torch.Tensor | None] = {**tensors, **changes(tensors)}
        save_file({key: tensor for key, tensor in whole.items() if tensor is not None}, path)

    return Case(name, write, says)


def ids(*numbers: int, dtype: torch.dtype = torch.int32) -> torch.Tensor:
    return torch.tensor(numbers, dtype=dtype)


def replaced(name: str, says: str, content: bytes, size: int = 0) -> Case:
    """The cluster file is `content`, and `size` bytes that take no room on disk."""

    def write(folder: Path) -> None:
        path = build_small_model(folder, n=IN_CLUSTER, d=D, vocabulary=N) / MASK_FILE
        path.write_bytes(content)
        os.truncate(path, len(content) + size)

    return Case(name, write, says)


HUGE = {
    "cluster_mask": {"dtype": "U8", "shape": [2**40], "data_offsets": [0, 2**40]},
    "cluster_token_ids": {"dtype": "I32", "shape": [1], "data_offsets": [2**40, 2**40 + 4]},
}

# Seen when models are listed.
LAYOUT = [
    replaced("mask: empty file", "it has only 0 bytes", b""),
    replaced("mask: nonsense", "not a safetensors file", b"nonsense nonsense"),
    replaced("mask: a terabyte", "is for 1,099,511,627,776 tokens", header_bytes(HUGE), 2**40 + 4),
    changed("mask: none", 'no tensor "cluster_mask"', lambda _: {"cluster_mask": None}),
    changed("mask: no ids", 'no tensor "cluster_token_ids"', lambda _: {"cluster_token_ids": None}),
    changed("mask: names that escape", "no tensor", lambda t: {"cluster_mask": None, ESCAPES: t["cluster_mask"]}),
    changed("mask: too short", "is for 199 tokens", lambda t: {"cluster_mask": t["cluster_mask"][:-1].clone()}),
    changed("mask: too long", "is for 201 tokens", lambda _: {"cluster_mask": torch.ones(201, dtype=torch.uint8)}),
    changed("mask: no length", "is for 0 tokens", lambda _: {"cluster_mask": torch.ones(0, dtype=torch.uint8)}),
    changed("mask: floats", "it must be uint8 or bool", lambda t: {"cluster_mask": t["cluster_mask"].float()}),
    changed(
        "mask: 2-D", "it must have one dimension", lambda t: {"cluster_mask": t["cluster_mask"][None].clone()}
    ),
    changed("ids: floats", "must be int32 or int64", lambda _: {"cluster_token_ids": torch.ones(IN_CLUSTER)}),
    changed(
        "ids: too many", "names 201 tokens", lambda _: {"cluster_token_ids": torch.zeros(201, dtype=torch.int32)}
    ),
    changed("centroid: too short", "15 numbers", lambda _: {"centroid": torch.ones(15)}),
    changed(
        "centroid: whole numbers", "must be floating", lambda _: {"centroid": torch.ones(16, dtype=torch.int8)}
    ),
    changed("count: two numbers", "it must be (1)", lambda _: {"n_cluster": ids(40, 40)}),
    changed("count: a float", "must be int32 or int64", lambda _: {"n_cluster": torch.ones(1)}),
]

# Seen when the tensors are read.
CONTENT = [
    changed("mask: nobody in it", "is empty", lambda t: {
        "cluster_mask": t["cluster_mask"] * 0, "cluster_token_ids": torch.zeros(0, dtype=torch.int32)}),
    changed("mask: everybody", "disagree: in the mask", lambda t: {
        "cluster_mask": torch.ones_like(t["cluster_mask"])}),
    changed("ids: one missing", "disagree", lambda t: {"cluster_token_ids": t["cluster_token_ids"][1:].clone()}),
    changed("ids: negative", "holds ids outside the vocabulary of 200 tokens: -1", lambda t: {
        "cluster_token_ids": t["cluster_token_ids"].where(torch.arange(IN_CLUSTER) > 0, -1)}),
    changed("ids: 2^31 - 1", "holds ids outside the vocabulary of 200 tokens: 2147483647", lambda t: {
        "cluster_token_ids": t["cluster_token_ids"].where(torch.arange(IN_CLUSTER) > 0, 2**31 - 1)}),
    changed("ids: -2^63", "holds ids outside the vocabulary of 200 tokens: -9223372036854775808", lambda t: {
        "cluster_token_ids": t["cluster_token_ids"].long().where(torch.arange(IN_CLUSTER) > 0, -(2**63))}),
    changed("ids: twice", "more than once", lambda t: {
        "cluster_token_ids": t["cluster_token_ids"][[0, *range(IN_CLUSTER - 1)]]}),
    changed("ids: backwards", "not in ascending order", lambda t: {
        "cluster_token_ids": t["cluster_token_ids"].flip(0)}),
    changed("count: wrong", "is 41, and there are 40 ids", lambda _: {"n_cluster": ids(41)}),
    changed("count: negative", "is -1, and there are 40 ids", lambda _: {"n_cluster": ids(-1)}),
    changed("count: 2^63 - 1", "and there are 40 ids", lambda _: {"n_cluster": ids(2**63 - 1, dtype=torch.int64)}),
    changed("centroid: NaN", "holds NaN or infinity", lambda _: {"centroid": torch.full((D,), torch.nan)}),
    changed("centroid: infinite", "holds NaN or infinity", lambda _: {"centroid": torch.full((D,), torch.inf)}),
]  # fmt: skip
