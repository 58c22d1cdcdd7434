"""The independent check of a search's results, by other arithmetic; nothing of the search is imported."""
