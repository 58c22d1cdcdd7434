"""farpair: the farthest pair of tokens in a cluster of embeddings, proved and explained."""

__version__ = "0.1.0"
