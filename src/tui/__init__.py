"""The terminal app: a function of the events that an engine process has written."""

import os

# Textual paints at most so many times a second, and what changes just after a repaint waits for up to two of these
# turns: at its own 60, a key could take 33 ms.
os.environ.setdefault("TEXTUAL_FPS", "240")
