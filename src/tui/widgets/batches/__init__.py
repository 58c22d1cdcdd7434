"""The live table of batches: its rows, order and filter."""
