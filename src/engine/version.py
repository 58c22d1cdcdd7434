"""The program's version, as written in journals, reports and the package."""

__version__ = "0.1.0"
