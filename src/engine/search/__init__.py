"""The search: the farthest pair of n rows and every batch's maximum, exact and proved."""
