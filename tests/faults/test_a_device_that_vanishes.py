"""A device is lost during a search: the run fails with a sentence, and keeps what was settled."""

import subprocess
import sys
from pathlib import Path

import msgspec
from farpair.engine.journal.reader import read_record
from farpair.engine.models.discovery import model_at
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs.folders import Run
from farpair.engine.runs.request import request_for
from safetensors.torch import save_file
from support import inputs

# The engine, on a device that is lost as soon as it has settled its first batches.
ENGINE = """
import sys
import torch
from farpair.engine.search import pair_counts
from farpair.engine.worker.process import main

multiply, settled = torch.mm, []
close = pair_counts.PairCounts.close

def closing(ledger, *given):
    settled.append(given)
    return close(ledger, *given)

def mm(*operands, out=None):
    if settled:
        raise RuntimeError("CUDA error: device not ready\\nCUDA kernel errors might be reported elsewhere.")
    return multiply(*operands, out=out)

pair_counts.PairCounts.close, torch.mm = closing, mm
sys.exit(main(sys.argv[1:]))
"""


def test_a_run_whose_device_vanishes_has_failed_with_a_sentence_and_keeps_its_settled_batches(
    tmp_path: Path,
) -> None:
    (tmp_path / "model").mkdir()
    save_file({"W": inputs.normal(3_000, 24).float()}, tmp_path / "model" / "W.safetensors")
    run = Run("vanishing", tmp_path / "run")
    run.folder.mkdir()
    request = request_for(model_at(tmp_path / "model"), RunSettings(device="cpu", memory=1_000_000))
    run.request.write_bytes(msgspec.json.encode(request))
    engine = subprocess.run([sys.executable, "-c", ENGINE, str(run.folder)], capture_output=True, text=True)
    record = read_record(run.journal)

    assert engine.returncode == 0, engine.stderr
    assert record.ended is not None
    assert record.ended.outcome == "failed"
    assert record.ended.reason == "The engine failed (RuntimeError): CUDA error: device not ready."
    assert "keeps what was settled" in record.ended.advice
    assert 0 < record.batches_done < len(record.batches)
    assert record.pair is None
    assert record.resume_point is not None
