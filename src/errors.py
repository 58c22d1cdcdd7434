"""The program's own exceptions: each carries the one sentence that a person reads."""


class FarpairError(Exception):
    """Something a person can put right; `str(error)` says what is wrong and what to do."""


class InputError(FarpairError):
    """A file, a tensor or a flag is not what the program needs. The command line exits with 2."""


class JournalError(FarpairError):
    """A journal holds something that is not an event; names the file and the line."""


class RunError(FarpairError):
    """A run could not be started, found, reached or stopped."""
