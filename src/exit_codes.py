"""The program's exit codes."""

DONE = 0
FAILED = 1  # the run failed or was stopped
BAD_INPUT = 2
INTERRUPTED = 130  # ctrl-c
PIPE_CLOSED = 141  # the reader of the output left
