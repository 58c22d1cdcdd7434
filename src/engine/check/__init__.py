"""The independent check of what a search found, by other arithmetic; nothing of the search is imported."""
