"""Explains how an engine died without writing an end, from its exit code, its journal and its log.

Torch is not imported here.
"""

import os
import signal
from pathlib import Path
from typing import Final

from ..files import open_regular
from ..journal.record import RunRecord
from ..text.escape import visible

LAST_WORDS: Final = "farpair: "  # precedes a reason that the engine prints because it cannot write the journal
_CRASHES: Final = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT)


def sentence_of(record: RunRecord, code: int | None, log: Path) -> str:
    """What happened, what is kept and what to do, for an engine whose journal, folded into `record`, has no end.

    `code` is the engine's exit code, negative for the signal that ended it, or None where it is unknown because
    the engine was not a child of this process. `log` is the file that the engine printed to.
    """
    advice = "Resume it to continue from there." if record.resume_point else "Run it again."
    return f"{_what_happened(record, code, log)} {_what_is_kept(record)} {advice}"


def _what_happened(record: RunRecord, code: int | None, log: Path) -> str:
    when = "" if record.engine else " before it could start"
    last = _last_words(log)
    own = last.startswith(f": {LAST_WORDS}")
    if code is None and own:
        return f"The engine ended{when}: {last.removeprefix(f': {LAST_WORDS}')}."
    # An engine that a signal ends prints nothing about its end. Where it never started, only its log says why.
    if record.engine and (code is None or code < 0):
        last = ""
    if code is None:
        which = f" (process {record.engine.pid})" if record.engine else ""
        return f"The engine{which} is no longer there: it was killed{when}, or the machine was restarted{last}."
    if code >= 0:
        return f"The engine ended with exit code {code}{when}{last}."
    if -code == signal.SIGKILL:
        return f"The engine was killed (SIGKILL){when}, perhaps because memory ran out{last}."
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    if -code in _CRASHES:
        return f"The engine crashed ({name}){when}; {visible(str(log))} says where{last}."
    return f"The engine was ended by a signal ({name}){when}{last}."


def _what_is_kept(record: RunRecord) -> str:
    if record.pair:
        return "The pair it found is kept."
    if record.batches_done:
        return f"{record.batches_done} of {len(record.batches)} batches are kept."
    return "No batch was settled yet."


def _last_words(log: Path) -> str:
    """The last line in `log`, escaped, as the end of a sentence; "" where there is none."""
    try:
        with open_regular(log) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
            lines = file.read(4096).decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return f": {visible(lines[-1].strip().rstrip('.'), 300)}" if lines else ""
