"""The independent check of a search's results, by other arithmetic; it imports no code of the search."""
