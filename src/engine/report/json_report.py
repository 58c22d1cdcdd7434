"""A run as one JSON object; `json_schema` describes its keys."""

import json
from dataclasses import fields

import msgspec

from ..analysis.criteria import norms_beyond
from ..events import (
    Analysed,
    EngineStarted,
    Ladder,
    PairDistance,
    PairFound,
    RunStarted,
    Token,
    TokenMeasure,
    Verified,
)
from ..journal.record import BatchRecord, RunRecord
from ..run_settings import RunSettings
from .json_schema import (
    SCHEMA,
    AnalysisPart,
    BatchPart,
    Certificate,
    CheckPart,
    DevicePart,
    DuplicatesPart,
    EndPart,
    LadderPart,
    MeasurePart,
    ModelPart,
    OutlierPart,
    PairPart,
    RowsPart,
    RungPart,
    RunReport,
    TokenOfRow,
    WarningPart,
)
from .outliers import is_outlier, medians, outliers


def as_json(record: RunRecord) -> dict[str, object]:
    """All results of a run: a `RunReport` as plain JSON values."""
    plain: dict[str, object] = json.loads(json_text(run_report(record)))
    return plain


def json_text(value: object) -> str:
    """Structs and plain values as indented JSON in ASCII, with a final line end. No character of a token's text
    can affect a terminal."""
    written = json.dumps(msgspec.to_builtins(value), indent=2, allow_nan=False)
    return written.replace("\x7f", "\\u007f") + "\n"  # the only control character that json does not escape


def run_report(record: RunRecord) -> RunReport:
    """All results of a run, with null for those that are not known yet."""
    engine, started, tokens = record.engine, record.started, record.tokens
    return RunReport(
        schema=SCHEMA,
        program=engine.program if engine else None,
        run=engine.run if engine else None,
        host=engine.host if engine else None,
        state=record.state,
        model=_model(engine) if engine else None,
        files=started.files if started else (),
        rows=_rows(started) if started else None,
        device=_device(started, engine) if started else None,
        batches=tuple(_batch(batch, tokens) for batch in record.batches),
        pair=_pair(record.pair, tokens) if record.pair else None,
        certificate=_certificate(record.pair, tokens) if record.pair else None,
        farthest_pairs=_farthest_pairs(record),
        outliers=_outliers(record),
        analysis=_analysis(record, record.analysis) if record.analysis else None,
        ladder=_ladder(record.ladder, tokens) if record.ladder else None,
        check=_check(record.verified, record.verified_time) if record.verified else None,
        warnings=tuple(map(WarningPart.of, record.warnings)),
        ended=EndPart.of(record.ended) if record.ended else None,
    )


Tokens = dict[int, Token]
# The settings of the run for which the object has a key in `json_schema`.
_SETTINGS_OF_MODEL = {field.name for field in fields(RunSettings)} & {*ModelPart.__struct_fields__}


def _token(tokens: Tokens, index: int) -> TokenOfRow:
    token = tokens.get(index)
    return TokenOfRow(index=index, id=token.id if token else None, text=token.text if token else None)


def _perhaps(tokens: Tokens, index: int | None) -> TokenOfRow | None:
    return None if index is None else _token(tokens, index)


def _model(engine: EngineStarted) -> ModelPart:
    request = engine.request
    return ModelPart(
        name=request.model,
        weights=request.weights,
        tensor=request.tensor,
        matrix=request.matrix or None,
        head=request.head or None,
        cluster=request.cluster,
        cluster_file=request.cluster_file,
        tokenizer=request.tokenizer,
        **{name: getattr(request.settings, name) for name in _SETTINGS_OF_MODEL},
    )


def _rows(started: RunStarted) -> RowsPart:
    return RowsPart(
        n=started.n,
        d=started.d,
        dtype=started.dtype,
        vocabulary=started.vocabulary,
        fingerprint=started.fingerprint,
        centroid=started.centroid,
    )


def _device(started: RunStarted, engine: EngineStarted | None) -> DevicePart:
    return DevicePart(
        kind=started.device,
        name=started.device_name,
        torch=started.torch,
        memory=started.memory,
        threads=engine.request.settings.threads if engine else 0,
        precision=started.precision,
        precision_reason=started.precision_reason,
    )


def _batch(batch: BatchRecord, tokens: Tokens) -> BatchPart:
    done = batch.done
    return BatchPart(
        batch=batch.batch,
        start=batch.start,
        end=batch.end,
        maximum=done.maximum if done else None,
        lower=batch.value,
        i=_perhaps(tokens, batch.i),
        j=_perhaps(tokens, batch.j),
        settled=done.settled if done else None,
        pairs=done.pairs if done else None,
        evaluated=done.evaluated if done else None,
        seconds=done.seconds if done else None,
    )


def _pair(pair: PairFound | PairDistance, tokens: Tokens) -> PairPart:
    return PairPart(i=_token(tokens, pair.i), j=_token(tokens, pair.j), distance=pair.distance)


def _certificate(pair: PairFound, tokens: Tokens) -> Certificate:
    return Certificate(
        error=pair.error,
        ties=pair.ties,
        runner_up=pair.runner_up,
        runner_up_i=_perhaps(tokens, pair.runner_up_i),
        runner_up_j=_perhaps(tokens, pair.runner_up_j),
        runner_up_gap=pair.runner_up_gap,
        pairs=pair.pairs,
        evaluated=pair.evaluated,
        seconds=pair.seconds,
        precision=pair.precision,
    )


def _farthest_pairs(record: RunRecord) -> tuple[PairPart, ...] | None:
    if record.farthest is None:
        return None
    return tuple(_pair(pair, record.tokens) for pair in record.farthest.pairs)


def _outliers(record: RunRecord) -> tuple[OutlierPart, ...] | None:
    found = outliers(record)
    if found is None:
        return None
    return tuple(
        OutlierPart(
            rank=one.rank,
            token=_token(record.tokens, one.index),
            norm=one.norm,
            distance=one.distance,
            medians=one.medians,
        )
        for one in found
    )


def _analysis(record: RunRecord, found: Analysed) -> AnalysisPart:
    return AnalysisPart(
        outlier=_measure(record, found.outlier),
        other=_measure(record, found.other),
        norms_beyond=norms_beyond(found.outlier, found.other, found.centroid_norm),
        mean_distance=found.mean_distance,
        centroid_norm=found.centroid_norm,
        triangle=found.triangle,
        norms=found.norms,
        distances=found.distances,
        centroid_offset=found.centroid_offset,
        distances_from_mean=found.distances_from_mean,
        duplicates=_duplicates(record, found),
        histogram=found.histogram,
    )


def _measure(record: RunRecord, measure: TokenMeasure) -> MeasurePart:
    return MeasurePart(
        token=_token(record.tokens, measure.index),
        norm=measure.norm,
        norm_ratio=measure.norm_ratio,
        distance=measure.distance,
        medians=medians(record, measure.distance),
        is_outlier=is_outlier(record, measure.index),
    )


def _duplicates(record: RunRecord, found: Analysed) -> DuplicatesPart:
    alike, members = found.copies, None
    if record.duplicates:
        members = tuple(tuple(_token(record.tokens, row) for row in group) for group in record.duplicates.groups)
    elif not alike.groups:
        members = ()
    return DuplicatesPart(
        distinct=alike.distinct, groups=alike.groups, rows=alike.rows, sizes=alike.sizes, members=members
    )


def _ladder(found: Ladder, tokens: Tokens) -> LadderPart:
    rungs = tuple(
        RungPart(
            removed=_perhaps(tokens, rung.removed),
            i=_token(tokens, rung.i),
            j=_token(tokens, rung.j),
            diameter=rung.diameter,
        )
        for rung in found.rungs
    )
    return LadderPart(
        rungs=rungs,
        outside=found.outside,
        left_out=found.left_out,
        at_most=found.at_most,
        seconds=found.seconds,
    )


def _check(verified: Verified, when: float | None) -> CheckPart:
    return CheckPart(
        confirmed=verified.confirmed,
        refutations=verified.refutations,
        pairs=verified.pairs,
        batches=verified.batches,
        sample=verified.sample,
        time=when,
    )
