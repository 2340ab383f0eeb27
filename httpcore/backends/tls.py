"""TLS over any byte stream, in one way for all backends.

An `ssl.SSLObject` never waits: it turns plaintext into ciphertext in memory and back.  Around it
`TLSStream` moves ciphertext by the reads and writes of the stream within, so that time limits
and cancellation are that stream's, and TLS through a TLS proxy is the same once more.

Reading.  What the stream within has brought is decrypted at once, record by record (16 KiB at
most), and handed on in one piece.  OpenSSL would raise `SSLWantReadError` to ask for more: it is
not asked while its input is empty, which spares most of these exceptions.  The end of
the connection never gets to OpenSSL.  Either the peer's close_notify came before it, or it is a
`TruncatedTLS`, whatever `OP_IGNORE_UNEXPECTED_EOF` says.

Two threads.  One may read while another writes (HTTP/2), but an SSL object is not made for
that: each call of it is made under `_guard`, which is never held during a wait.  Ciphertext has to
reach the wire in the order in which it was made, so it is taken from `_outgoing` by one
side only.  That is the writer, `_sending`, with one exception: what OpenSSL wants to say while we
read (a client certificate asked for late, a renegotiation) the reader sends, `_flushing`, if nobody
is writing; else the writer takes it along with its own.  In the same way a writer that comes while
the reader sends leaves its ciphertext to the reader.

Closing sends close_notify where that takes no wait, and does not wait for the peer's
(RFC 8446 §6.1).  A write that was given up may have left half a record on the wire: the stream
within has the rest, which goes before anything else.
"""

from __future__ import annotations

import collections.abc
import os
import socket
import ssl
import threading

from ..deadline import Deadline
from ..exceptions import ReadError, SSLError, WriteError
from .base import NetworkStream, TruncatedTLS
from .sockets import READING, WRITING, closed_here
from .tls_errors import session_error
from .tls_sessions import Server, TLSSessions

_MAX_RECORD = 16 * 1024  # the plaintext of one record, RFC 8446 §5.1
# So much goes through OpenSSL at once, either way: a memory BIO keeps the room that it once needed.
_MAX_IN_MEMORY = 64 * 1024


class TLSStream(NetworkStream):
    """A TLS session over the stream `inner`; made by `tls_handshake.start_tls`."""

    __slots__ = (
        "_inner",
        "_ssl",
        "_incoming",
        "_outgoing",
        "_guard",
        "_process",
        "_closed",
        "_sending",
        "_flushing",
        "_inner_is_behind",
        "_reply_is_behind",
        "_unsent",
        "_undecrypted",
        "_ended",
        "_failure",
    )

    def __init__(
        self,
        inner: NetworkStream,
        ssl_object: ssl.SSLObject,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
    ) -> None:
        self.peer = inner.peer
        self._inner = inner
        self._ssl = ssl_object
        self._incoming = incoming
        self._outgoing = outgoing
        self._guard = threading.Lock()
        self._process = os.getpid()
        self._closed = False
        self._sending = False
        self._flushing = False
        self._inner_is_behind = False  # it keeps ciphertext that it could not send yet
        self._reply_is_behind = False  # and so does what a reader had to say
        self._unsent: bytes | bytearray | memoryview = b""
        self._undecrypted = incoming.pending > 0  # what came with the handshake
        self._ended = False
        self._failure: ssl.SSLError | None = None

    def leave_session(
        self, sessions: TLSSessions, server: Server, offered: ssl.SSLSession | None
    ) -> None:
        """Let later connections to `server` go on with the session; see `TLSSessions.put`."""
        sessions.put(server, self._ssl, self._guard, offered)

    async def read(self, deadline: Deadline) -> bytes:
        data = self._decrypt(b"") if self._undecrypted else None
        while data is None:
            if self._closed:
                raise closed_here(ReadError, READING, self.peer)
            if self._ended:
                return b""
            if self._failure is not None:
                raise session_error(SSLError, self._failure, READING, self.peer) from self._failure
            if self._outgoing.pending or self._reply_is_behind:
                await self._flush(deadline)
            received = await self._inner.read(deadline)
            if not received and not self._closed:
                raise TruncatedTLS(
                    f"{READING} {self.peer} failed: the connection ended without TLS's close_notify"
                )
            data = self._decrypt(received)
        return data

    def _decrypt(self, received: bytes) -> bytes | None:
        """The plaintext of what has come in; `None` if there is none in it, `b""` at the end."""
        pieces: list[bytes] = []
        with self._guard:
            if self._closed:
                return None  # what follows our own close_notify is no answer to anything
            self._undecrypted = False
            more = self._take(received[:_MAX_IN_MEMORY], pieces)
            at = _MAX_IN_MEMORY
            while more and at < len(received):
                more = self._take(received[at : at + _MAX_IN_MEMORY], pieces)
                at += _MAX_IN_MEMORY
        if len(pieces) == 1:
            return pieces[0]
        return b"".join(pieces) if pieces or self._ended else None

    def _take(self, ciphertext: bytes, pieces: list[bytes]) -> bool:
        """Add the plaintext of `ciphertext` to `pieces`; whether there may be more behind it."""
        incoming, read = self._incoming, self._ssl.read
        incoming.write(ciphertext)
        try:
            while piece := read(_MAX_RECORD):
                pieces.append(piece)
                if not incoming.pending:
                    return True
            self._ended = True
        except ssl.SSLWantReadError:
            return True  # part of a record, or messages of TLS itself
        except ssl.SSLError as error:
            self._failure = error  # for the next read; what came before it is good
        return False

    async def _flush(self, deadline: Deadline) -> None:
        """Send what OpenSSL has to say, unless a writer is there that takes it along."""
        with self._guard:
            if self._sending or not (self._outgoing.pending or self._reply_is_behind):
                return
            self._flushing = True
        try:
            while self._flushing:
                with self._guard:
                    ciphertext = self._outgoing.read()
                self._inner_is_behind = self._reply_is_behind = True
                if await self._inner.write(ciphertext, deadline, True):
                    self._inner_is_behind = self._reply_is_behind = False
                with self._guard:
                    # What a writer has left meanwhile goes out too, if the stream within takes it.
                    if self._inner_is_behind or not self._outgoing.pending:
                        self._flushing = False
        finally:
            self._flushing = False

    async def write(
        self,
        data: bytes | bytearray | memoryview,
        deadline: Deadline,
        until_readable: bool = False,
    ) -> bool:
        self._unsent = b"".join((self._unsent, data)) if self._unsent else data
        try:
            while self._unsent or self._inner_is_behind:
                if until_readable and self._undecrypted:
                    return False  # the stream within knows nothing of what there is to read
                ciphertext = self._encrypt()
                if ciphertext is None:
                    return True
                self._inner_is_behind = True
                if not await self._inner.write(ciphertext, deadline, until_readable):
                    return False
                self._inner_is_behind = False
            return True
        finally:
            self._end_write()

    def write_available(self, data: bytes | bytearray | memoryview) -> bool:
        self._unsent = b"".join((self._unsent, data)) if self._unsent else data
        try:
            while self._unsent or self._inner_is_behind:
                ciphertext = self._encrypt()
                if ciphertext is None:
                    return True
                self._inner_is_behind = True
                if not self._inner.write_available(ciphertext):
                    return False
                self._inner_is_behind = False
            return True
        finally:
            self._end_write()

    def _encrypt(self) -> bytes | None:
        """The ciphertext that goes out next; `None` where a reader that sends takes it along."""
        data = self._unsent
        if type(data) is not bytes or len(data) > _MAX_IN_MEMORY:
            data = memoryview(data).cast("B")
        try:
            with self._guard:
                if self._flushing:
                    self._ssl.write(data)
                    self._unsent = b""
                    return None
                self._sending = True
                if self._inner_is_behind:
                    return b""  # what the stream within has goes first
                # As memory takes everything, so does this.
                self._ssl.write(data[:_MAX_IN_MEMORY])
                self._unsent = data[_MAX_IN_MEMORY:]
                return self._outgoing.read()
        except ssl.SSLError as error:
            if self._closed:
                raise closed_here(WriteError, WRITING, self.peer) from error
            raise session_error(WriteError, error, WRITING, self.peer) from error

    def _end_write(self) -> None:
        self._unsent = bytes(self._unsent)  # the caller may change its buffer from now on
        self._sending = False

    def read_available(self) -> bytes | None:
        data = self._decrypt(b"") if self._undecrypted else None
        while data is None:
            if self._closed or self._ended or self._failure is not None:
                return b""
            received = self._inner.read_available()
            if not received:
                return received
            data = self._decrypt(received)
        return data

    def refusal(self) -> SSLError | None:
        if self._failure is None:
            return self._inner.refusal()
        return session_error(SSLError, self._failure, READING, self.peer)

    def watch(self, on_readable: collections.abc.Callable[[], None] | None) -> bool:
        """
        See `NetworkStream.watch`.

        Messages of TLS itself, session tickets among them, count as something that arrives:
        `read_available()` then returns `None`.
        """
        return self._inner.watch(on_readable)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._send_close_notify()
        self._inner.close()

    def _send_close_notify(self) -> None:
        sock = self._inner.socket
        # Within another TLS session it would have to be encrypted once more, and a child
        # process must not end the session that its parent goes on with.
        if (
            not isinstance(sock, socket.socket)
            or self._inner.ssl_object is not None
            or self._process != os.getpid()
        ):
            return
        # Held by another thread, or by this one if a signal handler closes: go without.
        if not self._guard.acquire(blocking=False):
            return
        try:
            if not (self._sending or self._flushing or self._inner_is_behind or self._unsent):
                try:
                    self._ssl.unwrap()
                except ssl.SSLError:
                    pass  # the peer's has not come yet
                sock.send(self._outgoing.read())
        except OSError:
            pass  # no room, or the connection is gone
        finally:
            self._guard.release()

    @property
    def is_closed(self) -> bool:
        return self._closed or self._inner.is_closed

    @property
    def socket(self) -> socket.socket | None:
        return self._inner.socket

    @property
    def ssl_object(self) -> ssl.SSLObject:
        return self._ssl
