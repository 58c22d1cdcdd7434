"""The program's version, as journals, reports and the package say it."""

__version__ = "0.1.0"
