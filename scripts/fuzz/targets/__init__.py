"""
The targets by name: each takes any bytes, and raises where what its docstring says does not hold.

They are run three ways: on the corpus and on random changes of it by `tests/scripts/test_fuzz.py`,
and for as long as wanted, guided by coverage, by `scripts/fuzz/run`.
"""

from __future__ import annotations

import collections.abc

from .authentication import digest, netrc
from .content import decoding, multipart
from .cookies import cookies
from .http2 import http2_bytes, http2_frames
from .http11 import http11
from .pool import pool
from .socks import socks
from .values import field_values, no_proxy, pins, url

Target = collections.abc.Callable[[bytes], None]

TARGETS: dict[str, Target] = {
    target.__name__: target
    for target in (
        http11,
        http2_bytes,
        http2_frames,
        socks,
        url,
        cookies,
        field_values,
        digest,
        netrc,
        no_proxy,
        decoding,
        multipart,
        pins,
        pool,
    )
}
