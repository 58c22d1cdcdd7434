"""Models on disk: found, their headers checked, their rows, clusters and tokens read."""
