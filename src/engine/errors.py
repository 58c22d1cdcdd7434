"""The program's own exceptions; each carries the sentence that is shown."""


class FarpairError(Exception):
    """An error that a person can correct; `str(error)` says what is wrong and what to do."""


class InputError(FarpairError):
    """A file, a tensor or a setting is not what the program needs. The command line exits with 2."""


class NoSuchModel(InputError):
    """A word is neither the name of a model nor a path to one."""


class JournalError(FarpairError):
    """A journal holds something that is not an event; the message names the file and the line."""


class RunError(FarpairError):
    """A run could not be started, found, reached or stopped."""


class ProofError(FarpairError):
    """A search reached a state that its proof excludes; it gives no answer, because the answer could be wrong."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The search could not prove its answer: {why}. Please report this with the rows, the versions of "
            "torch and farpair, and the device."
        )
