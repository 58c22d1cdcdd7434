"""The journal of a run: the engine writes it, and everything that shows a run reads it."""
