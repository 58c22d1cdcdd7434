"""Models on disk: finds them, checks their headers, and reads their rows, clusters and tokens."""
