"""The terminal app: a function of the events that an engine process has written."""

import os

# Repaints a second at most. A change just after a repaint waits for up to two turns: at Textual's own 60 a second,
# a key could take 33 ms.
os.environ.setdefault("TEXTUAL_FPS", "240")
