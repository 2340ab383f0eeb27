"""How much the peer of an HTTP/2 connection may send, and when it is told so (RFC 9113 §5.2, §6.9).

Credit for the connection is given back when bytes arrive, credit for a stream when they are taken.
So a body that nobody reads holds `STREAM_WINDOW_BYTES` of memory, and no other stream waits for it.
The window of a stream whose owner keeps up doubles, so that distance does not limit the speed, up
to 16 MiB; all streams of a connection together get at most `MAX_GROWTH_BYTES` more in that way.

A stream that was reset may still bring what its window had allowed, as the peer learns of the reset
later (§5.1).  More than that is an error, so nobody can send for ever what nobody wants.
"""

from __future__ import annotations

from .http2_frames import FLOW_CONTROL_ERROR, STREAM_CLOSED, ConnectionViolation
from .http2_stream import Stream

STREAM_WINDOW_BYTES = 1024 * 1024
MAX_STREAM_WINDOW_BYTES = 16 * 1024 * 1024
MAX_GROWTH_BYTES = 64 * 1024 * 1024
CONNECTION_WINDOW_BYTES = 64 * 1024 * 1024


class ReceiveWindows:
    """The windows of one connection and of its streams."""

    __slots__ = ("_window", "_credit", "_growth_left", "_late")

    def __init__(self) -> None:
        self._window = CONNECTION_WINDOW_BYTES
        self._credit = 0
        self._growth_left = MAX_GROWTH_BYTES
        self._late = 0  # how much may still come for streams that were reset

    def receive(self, size: int, stream: Stream | None) -> None:
        """
        Bytes have arrived, for `stream` if it has not ended; raises `ConnectionViolation`.

        Padding counts, and so does what comes too late for its stream (§6.1).
        """
        self._window -= size
        self._credit += size
        if self._window < 0:
            raise ConnectionViolation(
                FLOW_CONTROL_ERROR, "sent more than the connection's window allows"
            )
        if stream is None:
            self._late -= size
            if self._late < 0:
                raise ConnectionViolation(STREAM_CLOSED, "sent a body for a stream that has ended")
        else:
            stream.window -= size
            if stream.window < 0:
                raise ConnectionViolation(
                    FLOW_CONTROL_ERROR, f"sent more than the window of stream {stream.id} allows"
                )

    def connection_credit(self) -> int:
        """What to give back to the connection now; 0 for nothing."""
        if self._credit < CONNECTION_WINDOW_BYTES // 2:
            return 0
        credit, self._credit = self._credit, 0
        self._window += credit
        return credit

    def stream_credit(self, stream: Stream, taken: int) -> int:
        """What to give back to `stream` now that bytes of it were taken; 0 for nothing yet."""
        stream.credit += taken
        if stream.credit < stream.granted // 2:  # each frame costs both sides something
            return 0
        growth = min(stream.granted, MAX_STREAM_WINDOW_BYTES - stream.granted, self._growth_left)
        if stream.buffered:
            growth = 0
        self._growth_left -= growth
        stream.granted += growth
        credit, stream.credit = stream.credit + growth, 0
        stream.window += credit
        return credit

    def forget(self, stream: Stream) -> None:
        """`stream` has ended, or was reset: others may grow instead."""
        self._growth_left += stream.granted - STREAM_WINDOW_BYTES
        if not stream.ended:
            self._late += stream.window
