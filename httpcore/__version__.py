"""The version of the library: read by `setup.py`, sent in `User-Agent`."""

__version__ = "0.3.0"
