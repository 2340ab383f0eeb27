"""HTTP/1.1 and HTTP/2 for Python, sync and async."""
