"""What SOCKS proxies reply."""

from __future__ import annotations

from httpcore.exceptions import ProxyError
from httpcore.wire.socks import Dialogue, socks4, socks5

# A dialogue reads no more than a name of 255 bytes, and what is around it, in a few steps.
_MAX_STEPS = 6
_MAX_READ = 300


def socks(data: bytes) -> None:
    """
    Any reply ends in a connection or a `ProxyError`, in few steps.  The first byte chooses the
    question.
    """
    dialogues: list[Dialogue] = [
        socks5("example.org", 443, None),
        socks5("2001:db8::1", 443, (b"user", b"password")),
        socks4("192.0.2.1", 80, b""),
        socks4("example.org", 80, b"user"),
    ]
    dialogue = dialogues[data[0] % 4 if data else 0]
    data = data[1:]
    read = steps = 0
    try:
        step = next(dialogue)
        while True:
            steps += 1
            read += step.read
            assert steps <= _MAX_STEPS
            assert step.read > 0
            assert read <= _MAX_READ
            reply, data = data[: step.read], data[step.read :]
            if len(reply) < step.read:
                return  # the caller waits for more
            step = dialogue.send(reply)
    except StopIteration:
        pass
    except ProxyError as exc:
        assert str(exc).isprintable()
