"""What a concurrency backend is: the only code that waits.

A backend knows bytes, not HTTP.  One module a library (asyncio, trio, blocking
sockets) implements the interfaces below, and nothing else imports that library.
Every operation that waits takes a `Deadline`; on a limit it raises the `Timeout` that
`Deadline.error()` makes, on a broken connection `ReadError`, `WriteError` or `ConnectError`.

Cancellation: a read that is cancelled by its event loop, or reaches its limit, loses nothing.  A
write leaves what it has not sent with the stream, all of it where it could not even begin.  The
next write, of whomever, sends that first; a stream that can be watched sends it by itself.  What
else interrupts an operation, such as KeyboardInterrupt, leaves the stream in an undefined state:
its owner then calls `close()`, which never waits.
"""

from __future__ import annotations

import abc
import collections.abc
import contextlib
import functools
import os
import typing

from ..connect_config import DEFAULT_CONNECT, ConnectConfig, Resolver
from ..deadline import Deadline
from ..exceptions import ConnectError, ReadError, SSLError
from ..ssl_config import SSLConfig

if typing.TYPE_CHECKING:
    import socket
    import ssl  # a client of plain http never loads it

T = typing.TypeVar("T")


class Address(typing.NamedTuple):
    """One address that a host name stands for, as `getaddrinfo` gives it."""

    family: socket.AddressFamily
    sockaddr: typing.Any  # the path, for a Unix socket

    @property
    def ip(self) -> str:
        """The IP address as text, without a zone; a Unix socket has none."""
        return str(self.sockaddr[0])

    def __str__(self) -> str:
        if not isinstance(self.sockaddr, tuple):
            return f"unix:{os.fsdecode(self.sockaddr)}".replace("\0", "@", 1)
        host, port = self.sockaddr[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class TruncatedTLS(ReadError):
    """The connection ended without TLS's close_notify: somebody may have cut it (RFC 9112 §9.8)."""


class NetworkStream(abc.ABC):
    """
    A connected byte stream.

    One reader and one writer at a time may use it, from different tasks or
    threads.  `peer` is `host:port`, for messages; whoever opened it may say more there.
    """

    __slots__ = ("peer",)

    peer: str

    @abc.abstractmethod
    async def read(self, deadline: Deadline) -> bytes:
        """
        Wait for bytes and return what has arrived, at most 256 KiB; `b""` at the end.

        Raises `ReadTimeout` (or the deadline's own), `ReadError`.
        """

    @abc.abstractmethod
    async def write(
        self,
        data: bytes | bytearray | memoryview,
        deadline: Deadline,
        until_readable: bool = False,
    ) -> bool:
        """
        Send all of `data`; return `True` once the operating system has taken it.

        With `until_readable`, give up waiting as soon as there is something to read and
        return `False`.  The stream keeps what was not sent, goes ahead with it before
        anything later, and `write(b"", ...)` waits for it.

        `write_timeout` is the longest time in which the peer takes no byte, however large
        `data` is.  Raises `WriteTimeout` (or the deadline's own), `WriteError`.
        """

    @abc.abstractmethod
    def write_available(self, data: bytes | bytearray | memoryview) -> bool:
        """
        Send of `data` what takes no wait; whether that was all of it, and of earlier writes.

        What was not sent is kept, as by `write()`.  Raises `WriteError`.
        """

    async def write_parts(
        self,
        parts: collections.abc.Sequence[bytes | memoryview],
        deadline: Deadline,
        until_readable: bool = False,
    ) -> bool:
        """
        Send all of `parts`, in order; see `write`.

        They go out in one write, and where the system can gather them, without being joined first.
        """
        return await self.write(b"".join(parts), deadline, until_readable)

    @abc.abstractmethod
    def read_available(self) -> bytes | None:
        """
        What has arrived, without waiting: `None` if nothing, `b""` at the end of the
        stream or where it is broken.
        """

    @abc.abstractmethod
    def watch(self, on_readable: collections.abc.Callable[[], None] | None) -> bool:
        """
        Call `on_readable()` when something arrives or the peer closes, while nobody reads.

        `None` ends it.  Returns whether this backend can watch at all; the callback runs on the
        event loop's own turn and must not wait.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Close at once, without waiting.  May be called twice, from any thread; never raises."""

    @property
    @abc.abstractmethod
    def is_closed(self) -> bool:
        """Whether `close()` was called."""

    @property
    @abc.abstractmethod
    def socket(self) -> socket.socket | None:
        """The socket beneath, for its addresses and options; `None` where there is none."""

    @property
    def ssl_object(self) -> ssl.SSLObject | None:
        """The TLS session, or `None` on a plain stream."""
        return None

    def refusal(self) -> SSLError | None:
        """
        Why TLS gave up the session, such as an alert of the peer's that has been received.

        It says more than what the write to a peer that hung up behind it fails with.  `None` where
        there is nothing to say.
        """
        return None


class Event(abc.ABC):
    """Something that happens once.  `set()` never waits and may be called from anywhere in
    the same run: from any task, or, in sync, from any thread."""

    __slots__ = ()

    @abc.abstractmethod
    def set(self) -> None: ...

    @abc.abstractmethod
    def is_set(self) -> bool: ...

    @abc.abstractmethod
    async def wait(self, seconds: float | None) -> bool:
        """Wait until it is set, at most `seconds` (`None`: for ever); return whether it is set."""


Secure = collections.abc.Callable[[NetworkStream], collections.abc.Awaitable[NetworkStream]]
"""Makes a stream that has just been connected of use: TLS.  Closes it where it fails."""

Rival = collections.abc.Callable[[], collections.abc.Coroutine[typing.Any, typing.Any, None]]
"""A coroutine function that may be cancelled in any of its waits."""

Guard = contextlib.AbstractContextManager[typing.Any]
"""Protects a state against other threads: a thread lock in sync, nothing in async, where code
between two awaits is not interrupted.  Never held over an await."""


class ConcurrencyBackend(abc.ABC):
    """
    One library that waits.  Stateless; may be shared by clients and threads.

    * `is_async`: whether there is an event loop; where there is none, waiting blocks the thread.
    """

    is_async: typing.ClassVar[bool] = True

    @abc.abstractmethod
    def run_token(self) -> object:
        """
        What identifies the running event loop: connections belong to the run that opened
        them.  The same object for as long as the run lasts; sync has only one.
        """

    @abc.abstractmethod
    def run_is_over(self, token: object) -> bool:
        """Whether the run of `token` has ended, so that nothing may be scheduled on it."""

    @abc.abstractmethod
    async def resolve(
        self, host: str, port: int, deadline: Deadline, resolver: Resolver | None = None
    ) -> list[Address]:
        """
        The addresses of `host`, at least one.  An IP address is returned without a look-up.

        The look-up runs in a daemon thread: neither `getaddrinfo` nor a `resolver` in its place
        takes a limit, and a process that exits must not wait for it.  Raises `ConnectError`, or
        the deadline's error.
        """

    @abc.abstractmethod
    async def connect_tcp(
        self,
        addresses: collections.abc.Sequence[Address],
        peer: str,
        deadline: Deadline,
        config: ConnectConfig = DEFAULT_CONNECT,
        secure: Secure | None = None,
    ) -> NetworkStream:
        """
        Connect to the one of `addresses` that answers first (RFC 8305), from where and with the
        socket options that `config` says.

        `secure` is done over the connection, and gives the stream that is returned; where it raises
        `ConnectError`, but no `SSLError`, other addresses are tried.

        Raises `ConnectError` that lists what became of each address, or the deadline's error.
        """

    @abc.abstractmethod
    async def run_blocking(self, function: collections.abc.Callable[[], T]) -> T:
        """Run what blocks for a moment (file reads, loading certificates) off the event loop."""

    async def race(
        self, coroutine: collections.abc.Coroutine[typing.Any, typing.Any, T], rival: Rival
    ) -> T | None:
        """
        Await `coroutine`, which is the caller's own, and give it up once `rival()` has ended.

        Gives what `coroutine` gave, `None` if it was given up, or raises what either raised;
        neither runs on after that.  `coroutine` runs in the task of who calls, `rival()` beside it,
        from its first wait on, if it has one; where nothing can run beside, not at all.
        """
        return await coroutine

    async def start_tls(
        self,
        stream: NetworkStream,
        config: SSLConfig,
        http2: bool,
        server_hostname: str,
        deadline: Deadline,
    ) -> NetworkStream:
        """
        TLS over `stream`, verified by `config` for `server_hostname`, or for another name that
        `config` has; offers HTTP/2 by ALPN if `http2`.

        Raises `SSLError` for what TLS refuses and `ConnectError` for a connection that broke, and
        closes `stream` then.
        """
        from . import tls_context, tls_handshake  # a client of plain http loads neither

        context = tls_context.cached_ssl_context(config, http2)
        try:
            if context is None:
                context = await self.run_blocking(lambda: tls_context.ssl_context(config, http2))
        except BaseException as error:
            stream.close()
            if isinstance(error, SSLError):
                raise SSLError(f"TLS with {stream.peer}: {error}") from error.__cause__
            raise
        name = config.server_hostname or server_hostname
        return await tls_handshake.start_tls(stream, context, name, deadline, config.pins)

    def call_later(
        self, seconds: float, callback: collections.abc.Callable[[], None]
    ) -> collections.abc.Callable[[], object] | None:
        """
        Call `callback` on the event loop after `seconds`; returns what cancels it.

        `None` where the backend has nothing that could call it.
        """
        return None

    @abc.abstractmethod
    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""

    @abc.abstractmethod
    def event(self) -> Event:
        """An `Event` that has not happened yet."""

    @abc.abstractmethod
    def guard(self) -> Guard:
        """A `Guard` that nobody holds."""


def unix_address(path: str | bytes) -> Address:
    """The address of a Unix socket.  Raises `ConnectError` where the system has none."""
    import socket  # loaded with the first connection, not before

    family = getattr(socket, "AF_UNIX", None)
    if family is None:
        raise ConnectError("unix_socket= is not available on this system")
    return Address(family, path)


def checked_backend(backend: ConcurrencyBackend | None) -> ConcurrencyBackend | None:
    """`TypeError` for what is none: its name, say, or its class."""
    if backend is None or isinstance(backend, ConcurrencyBackend):
        return backend
    raise TypeError(
        f"backend takes an object such as httpcore.TrioBackend(), or None, not {backend!r}"
    )


def default_backend() -> ConcurrencyBackend:
    """The backend of what runs this coroutine: a sync client, asyncio or trio."""
    return _detector()()


@functools.cache  # an import statement takes microseconds, each time
def _detector() -> collections.abc.Callable[[], ConcurrencyBackend]:
    from .auto import running_backend  # which needs this module

    return running_backend
