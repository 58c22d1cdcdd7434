"""The terminal app: a function of the events that an engine process has written."""
