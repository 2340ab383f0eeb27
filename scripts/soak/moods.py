"""What a request asks of the servers: `/MOOD/NUMBER/SIZE`, and the body that belongs to it.

Moods are chosen by the client, so that it knows what may come of a request.  Beside them the
servers close connections when they like, as long as a client that keeps to the rules notices.
"""

from __future__ import annotations

import hashlib

# The response has to come, whole.
GOOD = ("length", "chunked", "gzip")
# Nothing but an error, or the limit of time, may come of it.
BAD = ("close", "reset", "stall", "truncate", "garbage", "flood", "bad-gzip")
# It comes slowly: whole, or the limit of time ends it.
SLOW = ("drip",)


def body_of(number: int, size: int) -> bytes:
    """The body of one request: `size` bytes that no other request has."""
    block = hashlib.sha256(b"%d" % number).digest()
    return (block * (size // len(block) + 1))[:size]
