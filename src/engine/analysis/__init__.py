"""The analysis: what kind of outliers the farthest pair are, and the outlier ladder."""
