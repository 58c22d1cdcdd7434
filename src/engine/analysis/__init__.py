"""The analysis of the farthest pair and its cluster, and the outlier ladder."""
