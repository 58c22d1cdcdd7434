"""Reports of a run as text, Markdown, HTML, JSON and CSV, and sentences about a run in progress."""
