"""The journal of a run: written by the engine, read by everything that shows a run."""
