"""The version, in a file of its own so that reading it costs nothing at start-up."""

__version__ = "0.1.0"
