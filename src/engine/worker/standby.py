"""The standby engine, `python -m farpair.engine.worker.standby`: a process with torch loaded, which begins runs at
once.

Each line of standard input is a run's folder; a fork of this process becomes that run's engine. Standard output
says `ready`, `began PID` for each line, and `ended PID CODE`. The standby ends with standard input; its runs
continue.
"""

import gc
import os
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path

from ..runs.folders import Run
from .process import give_way, give_way_in_session, hold_signals, work


def main() -> int:
    """Serve standard input to its end; return the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    give_way()
    import torch  # after lowering the priority

    cores = torch.get_num_threads()
    torch.set_num_threads(1)  # a fork would wait for threads that it does not inherit
    from . import pipeline  # noqa: F401 — loaded before the fork

    gc.collect()
    gc.freeze()  # frozen memory is never collected, and stays shared with every fork
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    _say("ready")
    asked = b""
    while True:
        able, _, _ = select.select([0, woken], [], [])
        if woken in able:
            os.read(woken, 4096)
            _say_who_ended()
        if 0 in able:
            got = os.read(0, 4096)
            if not got:
                return 0
            *folders, asked = (asked + got).split(b"\n")
            for folder in folders:
                _say(f"began {_begin(os.fsdecode(folder), (woken, wake), cores)}")


def _begin(folder: str, pipes: tuple[int, int], cores: int) -> int:
    """Begin the run in `folder` in a fork of this process, on `cores` cores; return its process number.

    The fork is an engine like any other, in a session of its own. This process never uses torch, so that a fork
    loses no threads and no device is in use.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    hold_signals()
    if pid := os.fork():
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return pid
    code = 3
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in pipes:
            os.close(end)
        os.setsid()
        give_way_in_session()
        run = Run(Path(folder).name, Path(folder))
        nothing = os.open(os.devnull, os.O_RDONLY)
        log = os.open(run.log, os.O_WRONLY | os.O_APPEND)
        for descriptor, number in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(descriptor, number)
        import torch  # start time

        torch.set_num_threads(cores)
        code = work(run)
        sys.stderr.flush()
    finally:
        os._exit(code)


def _say_who_ended() -> None:
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            _say(f"ended {pid} {os.waitstatus_to_exitcode(status)}")


def _say(words: str) -> None:
    os.write(1, f"{words}\n".encode())


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        main()
    os._exit(0)
