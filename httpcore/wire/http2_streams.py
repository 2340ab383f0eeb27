"""The streams of one HTTP/2 connection and what we do with them: open, send, take, reset."""

from __future__ import annotations

from ..aliases import RawHeaders
from ..exceptions import LocalProtocolError
from ..response_limits import ResponseLimits
from .http2_fields import section_size
from .http2_output import Output
from .http2_stream import Stream
from .http2_windows import CONNECTION_WINDOW_BYTES, STREAM_WINDOW_BYTES, ReceiveWindows

# How many streams are opened at once, whatever the peer allows: each may hold a window of memory.
MAX_STREAMS = 256
# How many before the peer has said how many it allows (it should be no fewer, §6.5.2).
ASSUMED_STREAMS = 100
HIGHEST_ID = 2**31 - 1
# The highest value of a setting.
_HIGHEST_SETTING = 2**32 - 1


class Streams:
    """
    Our side of a connection; `HTTP2State` has the peer's side too.

    * `peer`: names the server in errors.
    * `closed`: whether it is broken, or ended: nothing can be sent or received any more.
    * `capacity`: how many streams may be open at once; 0: it takes none any more, for good.
    """

    __slots__ = (
        *("closed", "capacity", "_peer", "_limits", "_output", "_windows", "_streams", "_next_id"),
        *("_used", "_changed", "_blocked"),
    )

    def __init__(self, peer: str, limits: ResponseLimits) -> None:
        self.closed = False
        self.capacity = ASSUMED_STREAMS
        self._peer = peer
        self._limits = limits
        self._output = Output()
        max_header_list_bytes = min(limits.max_head_bytes, _HIGHEST_SETTING)
        self._output.start(STREAM_WINDOW_BYTES, CONNECTION_WINDOW_BYTES, max_header_list_bytes)
        self._windows = ReceiveWindows()
        self._streams: dict[int, Stream] = {}
        self._next_id = 1
        self._used = False  # it has carried a response
        self._changed: dict[Stream, None] = {}
        self._blocked: set[Stream] = set()

    @property
    def active(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    @property
    def settled(self) -> bool:
        """Whether the peer has said what it allows."""
        return self._output.settled

    @property
    def has_output(self) -> bool:
        """Whether something may have to go out."""
        return self._output.pending

    def take_changed(self) -> list[Stream]:
        """The streams whose owners should look again, once."""
        if not self._changed:
            return []
        changed = list(self._changed)
        self._changed.clear()
        return changed

    def take_output(self) -> bytes:
        """What has to go out, once; nothing, if nothing has to."""
        if self._blocked and self._output.is_full:
            self._wake_blocked()
        return self._output.take()

    def open_stream(self, method: str, fields: RawHeaders, end_stream: bool) -> Stream | None:
        """
        Open a stream with a request's field section; `None` where it has to be another connection.

        Raises `LocalProtocolError` if `fields` are more than the peer takes (§10.5.1).
        """
        if len(self._streams) >= self.capacity:
            return None
        limit = self._output.max_header_list_bytes
        if limit is not None and (size := section_size(fields)) > limit:
            raise LocalProtocolError(
                f"the request's header fields are {size} bytes in the counting of HTTP/2, but "
                f"{self._peer} takes at most {limit} (SETTINGS_MAX_HEADER_LIST_SIZE)"
            )
        stream = Stream(self._next_id, method, STREAM_WINDOW_BYTES, self._used, self._limits)
        self._output.open(stream.id, fields, end_stream)
        stream.sent_all = end_stream
        self._streams[stream.id] = stream
        self._next_id += 2
        if self._next_id > HIGHEST_ID:
            self.capacity = 0
        return stream

    def send_data(self, stream: Stream, data: memoryview, end_stream: bool) -> int:
        """
        Send of `data` what the peer's windows allow now; how many bytes that was.

        `end_stream` says that nothing follows `data`; `stream.sent_all` tells whether it went out.
        Where something did not, `stream` will be among the changed ones when it is worth another
        try.
        """
        if stream.id not in self._streams or stream.stopped:
            return 0
        left = self._output.send_data(stream.id, data, end_stream)
        if left is not None:
            self._blocked.add(stream)
            return len(data) - left
        if end_stream:
            stream.sent_all = True
            self._forget_if_over(stream)
        return len(data)

    def reset(self, stream: Stream, code: int) -> None:
        """End `stream` before its time, unless it has ended, and drop what has come of its body."""
        stream.take()
        if stream.id in self._streams:
            self._output.reset(stream.id, code)
            self._forget(stream)

    def ping(self) -> None:
        """Ask for a sign of life."""
        self._output.ping()

    def is_blocked(self, stream: Stream) -> bool:
        """Whether the peer's windows, or what waits to go out, forbid to send more."""
        return stream in self._blocked

    def take_body(self, stream: Stream) -> tuple[bytes, bool]:
        """What has arrived of the body, perhaps nothing; and whether its window has to be told."""
        data = stream.take()
        if stream.ended or stream.id not in self._streams:
            return data, False
        return data, self._give_credit_back(stream, len(data))

    def _give_credit_back(self, stream: Stream, taken: int) -> bool:
        credit = self._windows.stream_credit(stream, taken)
        if credit:
            self._output.credit(stream.id, credit)
        return credit > 0

    def _forget_if_over(self, stream: Stream) -> None:
        if stream.ended and stream.sent_all:
            self._forget(stream)

    def _forget(self, stream: Stream) -> None:
        del self._streams[stream.id]
        self._output.forget(stream.id)
        self._blocked.discard(stream)
        self._windows.forget(stream)

    def _wake_blocked(self) -> None:
        self._changed.update(dict.fromkeys(self._blocked))
        self._blocked.clear()
