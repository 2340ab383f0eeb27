"""`python -m httpcore URL`: makes one request and shows its response."""

from __future__ import annotations

import argparse
import collections.abc
import logging
import os
import sys

from . import Client, RequestException, Response


def main(arguments: collections.abc.Sequence[str] | None = None) -> int:
    """
    Run the command with `arguments`, `None`: those of the process; returns its exit code.

    As of other commands 130 is for Ctrl-C, and 141 for a pipe whose reader has had enough.
    """
    options = _parser().parse_args(arguments)
    if options.verbose:
        logging.basicConfig(level=logging.DEBUG, format="%(message)s")
    method = options.method or ("GET" if options.data is None else "POST")
    try:
        with (
            Client() as client,
            client.request(
                method, options.url, headers=options.header, content=options.data, stream=True
            ) as response,
        ):
            _show(response)
    except (RequestException, ValueError) as exc:
        print(f"{type(exc).__name__}: {exc}", file=sys.stderr)
        return 1
    except OSError as exc:  # of the output: what the network does is a RequestException
        # What is buffered still would fail again when the interpreter exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(exc, BrokenPipeError):
            return 141
        print(f"{type(exc).__name__}: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m httpcore", description="Make one request and show its response."
    )
    parser.add_argument("url", metavar="URL", help="http:// or https://")
    parser.add_argument("-X", dest="method", help="the method; GET, or POST with -d, by default")
    parser.add_argument(
        "-H",
        dest="header",
        action="append",
        type=_header,
        metavar="'NAME: VALUE'",
        help="a header field; may be repeated",
    )
    parser.add_argument("-d", dest="data", help="the body, as text")
    parser.add_argument("-v", dest="verbose", action="store_true", help="log each exchange")
    return parser


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError(f"{text!r} has no colon")
    return name, value


def _show(response: Response) -> None:
    lines = [f"{response.protocol} {int(response.status_code)} {response.reason_phrase}"]
    lines += [f"{name}: {value}" for name, value in response.headers.multi_items()]
    sys.stdout.buffer.write("\n".join([*lines, "", ""]).encode())
    sys.stdout.buffer.flush()
    for piece in response.stream():
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
