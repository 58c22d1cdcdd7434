"""The layout of the source: ARCHITECTURE.md is true, and each rule has one place."""

import ast
import re
from collections import Counter
from pathlib import Path

import farpair
import pytest
from farpair.engine.models import header_json
from farpair.engine.models.selection import found_models
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs.request import request_for
from farpair.engine.worker.pipeline import run_events
from farpair.options import Options
from support.fixtures import build_small_model

SOURCES = Path(farpair.__file__).parent
MAP = (Path(__file__).parent.parent / "ARCHITECTURE.md").read_text()
ROOMS_NAMED_IN_FULL = ("", "engine", "engine/search", "tui")
MOST_FILES_FOR_A_SETTING = 6


def test_the_map_names_every_room_and_every_module_of_the_main_ones() -> None:
    rooms = {str(folder.parent.relative_to(SOURCES)) for folder in SOURCES.rglob("__init__.py")} - {"."}
    named = {path for room in ROOMS_NAMED_IN_FULL for path in (SOURCES / room).glob("[!_]*.py")}
    missing = [room for room in rooms if f"`{room}`" not in MAP and f"`{room}/`" not in MAP]
    missing += [str(path) for path in named if not re.search(rf"`(engine/)?{path.stem}`", MAP)]
    assert missing == []


def test_every_module_and_path_that_the_map_names_is_there() -> None:
    modules = {path.stem for path in SOURCES.rglob("*.py")}
    named = re.findall(r"`([a-z_0-9/]+(?:\.py|\.md)?)`", MAP.replace("farpair.engine", ""))
    gone = [
        name
        for name in named
        if name not in modules
        and not any((root / name).exists() for root in (SOURCES, SOURCES.parent, SOURCES / "engine"))
    ]
    assert gone == []
    assert len(named) > 100


def test_a_setting_of_runs_is_named_in_few_files() -> None:
    naming = [path for path in SOURCES.rglob("*.py") if "exhaustive" in path.read_text()]
    assert len(naming) <= MOST_FILES_FOR_A_SETTING, naming


def test_the_engine_speaks_of_settings_and_never_of_flags() -> None:
    found = [
        (str(path.relative_to(SOURCES)), node.value)
        for path in (SOURCES / "engine").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if re.search(r"(^|[\s`(])--[a-z]", node.value)
    ]
    assert found == []


def test_a_header_is_parsed_once_a_listing_and_once_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        build_small_model(tmp_path / name)
    parsed: Counter[str] = Counter()
    parse = header_json.places_in

    def counted(text: bytearray, name: str) -> object:
        parsed[name] += 1
        return parse(text, name)

    monkeypatch.setattr("farpair.engine.models.header.places_in", counted)
    models = found_models(Options(command="models", tensors=str(tmp_path), hub=False))
    files = {name for name in parsed if name.startswith(str(tmp_path))}
    assert len(files) == 4
    assert parsed == dict.fromkeys(parsed, 1)

    parsed.clear()
    list(run_events(request_for(models[0], RunSettings(device="cpu"))))
    assert parsed == dict.fromkeys((name for name in files if "/a/" in name), 1)


def test_an_import_within_a_function_says_why_it_stands_there() -> None:
    silent = set()
    for path in SOURCES.rglob("*.py"):
        lines = path.read_text().splitlines()
        for function in ast.walk(ast.parse("\n".join(lines))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                within = [node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
                silent |= {f"{path.name}:{node.lineno}" for node in within if "# " not in lines[node.lineno - 1]}
    assert silent == set()
