"""A run as one JSON object, for machines: `farpair run --json` prints it."""

import msgspec

from ..events import (
    Analysed,
    EngineStarted,
    Histogram,
    Ladder,
    PairFound,
    RunEnded,
    RunStarted,
    SourceFile,
    Token,
    TokenMeasure,
    Verified,
)
from ..journal.record import BatchRecord, RunRecord

SCHEMA = 1

Json = dict[str, object]


def as_json(record: RunRecord) -> Json:
    """What is known of a run, in plain JSON values; every key is always there, null where nothing is known yet.

    Distances and norms are float64 numbers in the units of the embedding: those of single tokens and pairs are the
    nearest to the exact ones or next to it, those of all rows are right to 15 digits. Angles are degrees, right to
    about 1e-13, times seconds, sizes bytes. A TOKEN is {index: its row in the cluster, id: its token id, text: its
    raw text, or null where no tokenizer is known}. Texts are raw: whoever prints them escapes them.

    - schema: the version of this layout, 1; it changes when a key changes its meaning or goes
    - program: the version of farpair that ran; run: the run's id; host: the machine's name
    - state: "done", "cancelled" or "failed"; of a run that has not ended (or whose engine was killed) how far
      it came: "queued", "starting", "searching", "paused" or "analysing"
    - model: what was asked for: name; weights, the safetensors file; tensor, its name there; cluster, "mask",
      "all" or "tokens:REGEX"; cluster_file; tokenizer; exhaustive, whether every pair was to be evaluated
    - files: those that were read, each {path, size, mtime_ns} - rows: n and d, the cluster's rows and their
    dimension; dtype on disk; vocabulary, the rows of the whole
      tensor; fingerprint, a hash of rows and token ids; centroid, "stored" or "mean" (rounded to float64)
    - device: kind, as torch calls it; name, as a person does; torch, its version; memory, the stated peak
      beyond the rows; threads, 0 where torch chose; precision, the format of the products that discard pairs
      ("float32", "tf32", "bfloat16"), and precision_reason, why it is that one
    - batches: each {batch, start, end: rows start ≤ i < end; maximum: proved, null while it is not; lower: a
      lower bound of it, null where none is known; i, j: the TOKENs that attain it; settled: by what ("bounds",
      "screening", "float64", "exhaustive"); pairs, evaluated: how many it settled and evaluated; seconds}
    - pair: the answer: i and j, TOKENs; distance - certificate: error, the absolute error bound of the distance;
    ties, the pairs exactly that far apart (1:
      unique); runner_up, the next smaller distance, runner_up_i and runner_up_j, TOKENs, and runner_up_gap, how
      much smaller it is (not the difference of the two rounded numbers), where they were worked out; pairs in
      all and evaluated; every other was discarded under a rigorous bound; seconds; precision, the format of the
      products that discarded pairs
    - analysis: outlier and other, the pair by norm, each {token: TOKEN, norm, norm_ratio: over the centroid's,
      null where that is zero, distance: from the centroid}; both_far, whether both norms exceed twice the
      centroid's; mean_distance of the two from the centroid; centroid_norm; triangle {side_i, side_j: from the
      centroid, side_ij, at_centroid, at_i, at_j: its angles, null on a zero side, angle_sum, at_centroid_dot:
      again by dot product, degenerate: null or a sentence}; norms and distances of all rows, each {minimum,
      maximum, median: the lower of the middle two, mean}; centroid_offset, the stored centroid's distance from
      the rows' mean, and distances_from_mean, both null where the mean is the centroid; copies {distinct: the
      different rows, groups of bit-identical rows, rows in them, sizes: of the 100 largest}; histogram of the
      distances, null in older runs: {edges: of the bins, each the one before times the same factor; counts: rows
      from edges[b] up to edges[b + 1]; at_zero: rows on the centroid, in no bin; threshold: twice the median;
      beyond: rows farther away than that}
    - ladder: the outlier ladder, null where it was not taken: rungs[k] {removed: the TOKEN that went k-th, null at
      k = 0; i, j: the TOKENs farthest apart without the first k; diameter: their distance}; outside: at which k it
      collapses, null where it does not; left_out: null, or "time" where the rest would have taken too
      much of it; at_most: then an upper bound of the next diameter; seconds
    - check: the last independent check, null where there was none: confirmed; refutations, sentences; pairs and
      batches, how many were checked; sample, of how many rows, null for all; time, seconds since the epoch
    - warnings: each {kind, message} - ended: outcome, reason and advice in words, cause of a failure ("input",
    "memory", "disk", "program"),
      "signal" for a run that was ended from outside, or null
    """
    engine, started, tokens = record.engine, record.started, record.tokens
    return {
        "schema": SCHEMA,
        "program": engine.program if engine else None,
        "run": engine.run if engine else None,
        "host": engine.host if engine else None,
        "state": record.state,
        "model": _model(engine) if engine else None,
        "files": [_file(file) for file in started.files] if started else [],
        "rows": _rows(started) if started else None,
        "device": _device(started, engine) if started else None,
        "batches": [_batch(batch, tokens) for batch in record.batches],
        "pair": _pair(record.pair, tokens) if record.pair else None,
        "certificate": _certificate(record.pair, tokens) if record.pair else None,
        "analysis": _analysis(record.analysis, tokens) if record.analysis else None,
        "ladder": _ladder(record.ladder, tokens) if record.ladder else None,
        "check": _check(record.verified, record.verified_time) if record.verified else None,
        "warnings": [{"kind": warned.kind, "message": warned.message} for warned in record.warnings],
        "ended": _ended(record.ended) if record.ended else None,
    }


Tokens = dict[int, Token]


def _token(tokens: Tokens, index: int | None) -> Json | None:
    if index is None:
        return None
    token = tokens.get(index)
    return {"index": index, "id": token.id if token else None, "text": token.text if token else None}


def _model(engine: EngineStarted) -> Json:
    request = engine.request
    return {
        "name": request.model,
        "weights": request.weights,
        "tensor": request.tensor,
        "cluster": request.cluster,
        "cluster_file": request.cluster_file,
        "tokenizer": request.tokenizer,
        "exhaustive": request.exhaustive,
    }


def _file(file: SourceFile) -> Json:
    return {"path": file.path, "size": file.size, "mtime_ns": file.mtime_ns}


def _rows(started: RunStarted) -> Json:
    return {
        "n": started.n,
        "d": started.d,
        "dtype": started.dtype,
        "vocabulary": started.vocabulary,
        "fingerprint": started.fingerprint,
        "centroid": started.centroid,
    }


def _device(started: RunStarted, engine: EngineStarted | None) -> Json:
    return {
        "kind": started.device,
        "name": started.device_name,
        "torch": started.torch,
        "memory": started.memory,
        "threads": engine.request.threads if engine else 0,
        "precision": started.precision,
        "precision_reason": started.precision_reason,
    }


def _batch(batch: BatchRecord, tokens: Tokens) -> Json:
    done = batch.done
    return {
        "batch": batch.batch,
        "start": batch.start,
        "end": batch.end,
        "maximum": done.maximum if done else None,
        "lower": batch.value,
        "i": _token(tokens, batch.i),
        "j": _token(tokens, batch.j),
        "settled": done.settled if done else None,
        "pairs": done.pairs if done else None,
        "evaluated": done.evaluated if done else None,
        "seconds": done.seconds if done else None,
    }


def _pair(pair: PairFound, tokens: Tokens) -> Json:
    return {"i": _token(tokens, pair.i), "j": _token(tokens, pair.j), "distance": pair.distance}


def _certificate(pair: PairFound, tokens: Tokens) -> Json:
    return {
        "error": pair.error,
        "ties": pair.ties,
        "runner_up": pair.runner_up,
        "runner_up_i": _token(tokens, pair.runner_up_i),
        "runner_up_j": _token(tokens, pair.runner_up_j),
        "runner_up_gap": pair.runner_up_gap,
        "pairs": pair.pairs,
        "evaluated": pair.evaluated,
        "seconds": pair.seconds,
        "precision": pair.precision,
    }


def _analysis(found: Analysed, tokens: Tokens) -> Json:
    from_mean = found.distances_from_mean
    return {
        "outlier": _measure(found.outlier, tokens),
        "other": _measure(found.other, tokens),
        "both_far": found.both_far,
        "mean_distance": found.mean_distance,
        "centroid_norm": found.centroid_norm,
        "triangle": msgspec.structs.asdict(found.triangle),
        "norms": msgspec.structs.asdict(found.norms),
        "distances": msgspec.structs.asdict(found.distances),
        "centroid_offset": found.centroid_offset,
        "distances_from_mean": msgspec.structs.asdict(from_mean) if from_mean else None,
        "copies": {**msgspec.structs.asdict(found.copies), "sizes": list(found.copies.sizes)},
        "histogram": _histogram(found.histogram) if found.histogram else None,
    }


def _histogram(found: Histogram) -> Json:
    return {**msgspec.structs.asdict(found), "edges": list(found.edges), "counts": list(found.counts)}


def _ladder(found: Ladder, tokens: Tokens) -> Json:
    rungs = [
        {
            "removed": _token(tokens, rung.removed),
            "i": _token(tokens, rung.i),
            "j": _token(tokens, rung.j),
            "diameter": rung.diameter,
        }
        for rung in found.rungs
    ]
    return {
        "rungs": rungs,
        "outside": found.outside,
        "left_out": found.left_out,
        "at_most": found.at_most,
        "seconds": found.seconds,
    }


def _measure(measure: TokenMeasure, tokens: Tokens) -> Json:
    return {
        "token": _token(tokens, measure.index),
        "norm": measure.norm,
        "norm_ratio": measure.norm_ratio,
        "distance": measure.distance,
    }


def _check(verified: Verified, when: float | None) -> Json:
    return {
        "confirmed": verified.confirmed,
        "refutations": list(verified.refutations),
        "pairs": verified.pairs,
        "batches": verified.batches,
        "sample": verified.sample,
        "time": when,
    }


def _ended(ended: RunEnded) -> Json:
    return {"outcome": ended.outcome, "reason": ended.reason, "advice": ended.advice, "cause": ended.cause}
