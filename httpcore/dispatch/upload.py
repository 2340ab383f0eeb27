"""Sends a request that has a body over HTTP/1.1, and watches for an answer that comes early.

A server may answer before the body's end: it refuses the upload (413, 401), redirects it, or
streams its answer while it reads (RFC 9112 §9.5).  So between pieces, once a millisecond at most,
and while the peer takes none, what has arrived is looked at; and while the caller's own async
iterator makes the next piece, it is waited for:

* a final status of 300 and above: nobody wants the rest; stop, and let the answer be read;
* a 2xx: go on, unless the peer stops reading, in which case the answer counts;
* the connection broke while sending: an answer that had arrived before counts.

An upload that was stopped leaves the message incomplete, so its connection cannot be used again.
"""

from __future__ import annotations

import time

from ..backends.base import ConcurrencyBackend, NetworkStream
from ..content.bodies import BytesBody
from ..deadline import Deadline
from ..exceptions import (
    LocalProtocolError,
    ReadError,
    ReadTimeout,
    RequestException,
    Timeout,
    TotalTimeout,
    WriteError,
    WriteTimeout,
)
from ..field_values import has_token
from ..models.request import Request
from ..wire.http11 import LAST_CHUNK, ResponseReader, chunk
from ..wire.http11_events import NEED_DATA, InformationalHead, ResponseHead

# These are for HTTP/2 too.

# Bodies up to this size go out in one write with the head.
ONE_WRITE_BYTES = 64 * 1024
# How long to wait for 100 Continue before sending the body all the same (RFC 9110 §10.1.1).
CONTINUE_SECONDS = 1.0
# How long a peer that has answered may stop reading, or one that broke off may owe its answer.
PATIENCE_SECONDS = 1.0

# What is being done while the caller makes the next piece, for messages.
WAITING_FOR_BODY = "waiting for the caller's iterator or file, whose content is sent to"

# How often what has arrived is looked at while pieces come without a wait: to ask the system costs
# as much as a fifth of sending 64 KiB.
_LOOK_SECONDS = 0.001
# How much of an early answer is held while the upload goes on.
_MAX_EARLY_BYTES = 1024 * 1024


class Upload:
    """
    One request with its body.

    * `complete`: whether the whole message has been sent.
    * `head`: the head of the final response, where it came before the end.
    """

    def __init__(
        self,
        request: Request,
        stream: NetworkStream,
        backend: ConcurrencyBackend,
        reader: ResponseReader,
        deadline: Deadline,
    ) -> None:
        assert request.body is not None
        self.complete = False
        self.head: ResponseHead | None = None
        self._request = request
        self._body = request.body
        self._stream = stream
        self._backend = backend
        self._reader = reader
        self._deadline = deadline
        self._watching = True
        self._look_at = 0.0
        self._unwanted = False

    async def run(self, head: bytes) -> None:
        """Send `head` and the body; returns early where the answer makes the rest pointless."""
        length = self._request.declared_length
        self._body.rewind()
        if has_token(self._request.headers.by_name().get(b"expect", ()), b"100-continue"):
            await self._stream.write(head, self._deadline)
            await self._wait_for_continue()
            if self.head is not None:
                return
            head = b""
        try:
            self.complete = await self._send_all(head, length)
        except WriteTimeout:
            if self.head is None:
                raise
        except WriteError:
            await self._salvage_answer()
            if self.head is None:
                raise
        finally:
            if not self.complete:
                await self._body.aclose()

    async def _wait_for_continue(self) -> None:
        waiting = self._deadline.phase(CONTINUE_SECONDS, ReadTimeout)
        while True:
            event = self._reader.next_event()
            if isinstance(event, ResponseHead):
                self.head = event
                return
            if isinstance(event, InformationalHead) and event.status == 100:
                return
            if event is NEED_DATA:
                try:
                    self._reader.feed(await self._stream.read(waiting))
                except ReadTimeout:
                    return

    async def _send_all(self, head: bytes, length: int | None) -> bool:
        """Send everything; `False` where the rest is not wanted any more."""
        stream, body = self._stream, self._body
        if head:
            await stream.write(head, self._deadline)
        sent = 0
        while True:
            making = body.next_chunk(self._backend.run_blocking)
            if body.may_wait:
                piece = await self._backend.race(making, self._wait_for_end)
            else:
                piece = await making
            if piece is None or self._unwanted:
                break
            if time.monotonic() >= self._look_at and self._is_answered():
                return False
            if length is None:
                sending = stream.write_parts(chunk(piece), self._deadline, self._watching)
            else:
                sent += len(piece)
                check_sent(sent, length)
                sending = stream.write(piece, self._deadline, self._watching)
            if not (await sending or await self._send(b"")):
                return False
        if self._unwanted:
            return False
        if length is None:
            return await self._send(LAST_CHUNK)
        check_sent(sent, length, is_all=True)
        return True

    async def _wait_for_end(self) -> None:
        """Wait for an answer that makes the rest of the body pointless."""
        patient = self._deadline.phase(None, ReadTimeout)
        try:
            while self._watching:
                try:
                    data = await self._stream.read(patient)
                except ReadError:
                    data = b""
                if self._ends_upload(data):
                    self._unwanted = True
                    return
            await self._backend.event().wait(patient.within(None))
        except Timeout:
            pass
        raise patient.error(TotalTimeout, WAITING_FOR_BODY, self._stream.peer)

    async def _send(self, data: bytes) -> bool:
        """Send `data` and what the stream has kept; `False` where it is not wanted any more."""
        while not self._is_answered():
            if await self._stream.write(data, self._deadline, self._watching):
                return True
            data = b""  # the stream has kept the rest
        return False

    def _is_answered(self) -> bool:
        """
        Take what has arrived; whether it is an answer that makes the rest of the body pointless.
        """
        self._look_at = time.monotonic() + _LOOK_SECONDS
        data = self._stream.read_available() if self._watching else None
        return data is not None and self._ends_upload(data)

    def _ends_upload(self, data: bytes) -> bool:
        self._reader.feed(data)
        self._note_head()
        if self.head is not None:
            self._deadline = self._deadline.hurried(PATIENCE_SECONDS)
            if self._reader.buffered > _MAX_EARLY_BYTES:
                self._watching = False
        if not data:
            self._watching = False
            return True
        return self.head is not None and self.head.status >= 300

    def _note_head(self) -> None:
        while self.head is None:
            event = self._reader.next_event()
            if event is NEED_DATA:
                return
            if isinstance(event, ResponseHead):
                self.head = event

    async def _salvage_answer(self) -> None:
        """After a write has failed: the answer may have arrived before the connection broke."""
        patient = self._deadline.phase(PATIENCE_SECONDS, ReadTimeout)
        try:
            self._note_head()
            while self.head is None:
                self._reader.feed(await self._stream.read(patient))
                self._note_head()
        except RequestException:
            return


def whole_message(request: Request, head: bytes) -> bytes | None:
    """`head` and the body, if they go out in one write; else `None`: it takes an `Upload`."""
    body = request.body
    if body is None:
        return head
    length = request.declared_length
    if (
        isinstance(body, BytesBody)
        and length is not None
        and length <= ONE_WRITE_BYTES
        and b"expect" not in request.headers.by_name()
    ):
        return head + body.data
    return None


def check_sent(sent: int, length: int | None, is_all: bool = False) -> None:
    """
    `LocalProtocolError` where the `sent` bytes of a body, so far or in all, are not the `length`
    that its Content-Length says; `None`: it has none.
    """
    if length is None:
        return
    if sent > length:
        raise LocalProtocolError(
            f"the request's body gave {sent} bytes or more, but its Content-Length is {length}"
        )
    if is_all and sent < length:
        raise LocalProtocolError(
            f"the request's body ended after {sent} bytes, but its Content-Length is {length}"
        )
