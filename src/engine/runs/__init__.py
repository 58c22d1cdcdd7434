"""The runs of this machine's user: their folders, their engines, and their list."""
