"""The search and everything it needs; usable with no terminal at all."""
