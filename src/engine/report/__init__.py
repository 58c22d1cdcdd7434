"""Reports of a run: text, Markdown, JSON and CSV, and sentences as it happens."""
