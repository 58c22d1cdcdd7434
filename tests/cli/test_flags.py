"""Where flags may stand, and what may be written after them."""

import pytest
from farpair.cli import parse
from farpair.engine.errors import InputError


def test_flags_may_stand_before_and_after_the_words() -> None:
    for words in (
        ["run", "--tensors", "run", "demo", "--batch", "7"],
        ["--tensors", "run", "run", "--batch", "7", "demo"],
        ["--batch=7", "run", "demo", "--tensors=run"],
    ):
        options = parse(words)
        assert (options.command, options.model, options.tensors, options.batch) == ("run", "demo", "run", 7)
    assert parse(["demo"]).command == "demo"
    assert (parse(["./run"]).command, parse(["./run"]).model) == ("app", "./run")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("256MB", 256_000_000),
        ("1.5GB", 1_500_000_000),
        ("2GiB", 2**31),
        ("6400k", 6_400_000),
        ("1000000", 10**6),
        ("2000000B", 2 * 10**6),
    ],
)
def test_memory_is_written_as_people_write_it(text: str, size: int) -> None:
    assert parse(["run", "m", "--memory", text]).memory == size


def test_what_cannot_be_parsed_is_raised_as_a_sentence() -> None:
    with pytest.raises(InputError, match="'no' is not a whole number"):
        parse(["--batch", "no"])


def test_what_is_asked_of_a_run_may_be_asked_of_the_app_too() -> None:
    flags = ["--threads", "1", "--memory", "64MB", "--exhaustive", "--precision", "tf32"]
    for words in ([], ["demo"], ["run", "m"]):
        options = parse([*words, *flags])
        assert (options.threads, options.memory, options.exhaustive, options.precision) == (
            1,
            64_000_000,
            True,
            "tf32",
        )
