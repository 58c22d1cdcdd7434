"""The program's own exceptions: each carries the one sentence that a person reads."""


class FarpairError(Exception):
    """Something a person can put right; `str(error)` says what is wrong and what to do."""


class InputError(FarpairError):
    """A file, a tensor or a flag is not what the program needs. The command line exits with 2."""


class NoSuchModel(InputError):
    """A word is neither the name of a model nor a path to one."""


class JournalError(FarpairError):
    """A journal holds something that is not an event; names the file and the line."""


class RunError(FarpairError):
    """A run could not be started, found, reached or stopped."""


class ProofError(FarpairError):
    """A search reached a state that its proof excludes; it gives no answer rather than one that may be wrong."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The search could not prove its answer: {why}. Please report this with the rows, the versions of "
            "torch and farpair, and the device."
        )
