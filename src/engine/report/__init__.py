"""A run as text, Markdown, JSON and CSV, and in sentences as it happens."""
