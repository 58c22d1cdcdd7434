"""The journal of a run, which the engine writes and everything that shows a run reads."""
