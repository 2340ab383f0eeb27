"""Multipart forms as two independent parsers read them: those of Werkzeug and python-multipart."""

from __future__ import annotations

import typing

import python_multipart.multipart as python_multipart
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from httpcore import Headers


class Part(typing.NamedTuple):
    """One part of a form; `headers` without Content-Disposition."""

    name: str
    filename: str | None
    headers: list[tuple[str, str]]
    content: bytes


def read_by_werkzeug(content_type: str, body: bytes) -> list[Part]:
    """The parts, with `%22` in their names decoded."""
    boundary = parse_options_header(content_type)[1]["boundary"].encode("ascii")
    decoder = MultipartDecoder(boundary)
    decoder.receive_data(body)
    decoder.receive_data(None)
    parts: list[Part] = []
    while not isinstance(event := decoder.next_event(), Epilogue):
        assert not isinstance(event, NeedData), "the body is not complete"
        if isinstance(event, (Field, File)):
            filename = event.filename if isinstance(event, File) else None
            given = event.headers.items()
            parts.append(Part(event.name, filename, _others(dict(given)), b""))
        elif isinstance(event, Data):
            parts[-1] = parts[-1]._replace(content=parts[-1].content + event.data)
    return parts


def read_by_python_multipart(content_type: str, body: bytes) -> list[Part]:
    """The parts, with names as they are on the wire."""
    boundary = python_multipart.parse_options_header(content_type)[1][b"boundary"]
    names: list[bytes] = []
    values: list[bytes] = []
    parts: list[Part] = []
    state: dict[str, bytes] = {}

    def collect(key: str) -> typing.Callable[[bytes, int, int], None]:
        def on_data(data: bytes, start: int, end: int) -> None:
            state[key] = state.get(key, b"") + data[start:end]

        return on_data

    def on_header_end() -> None:
        names.append(state.pop("field"))
        values.append(state.pop("value", b""))

    def on_part_end() -> None:
        headers = Headers.from_raw(list(zip(names, values, strict=True)))
        kind, options = python_multipart.parse_options_header(
            headers["Content-Disposition"].encode("utf-8").decode("latin-1")
        )
        assert kind == b"form-data"
        filename = options.get(b"filename")
        parts.append(
            Part(
                options[b"name"].decode("utf-8"),
                None if filename is None else filename.decode("utf-8"),
                _others(dict(headers)),
                state.pop("content", b""),
            )
        )
        names.clear()
        values.clear()

    ended: list[bool] = []
    parser = python_multipart.MultipartParser(
        boundary,
        {
            "on_header_field": collect("field"),
            "on_header_value": collect("value"),
            "on_header_end": on_header_end,
            "on_part_data": collect("content"),
            "on_part_end": on_part_end,
            "on_end": lambda: ended.append(True),
        },
    )
    parser.write(body)
    parser.finalize()
    assert ended, "the body is not complete"
    return parts


def _others(headers: dict[str, str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers.items() if name != "Content-Disposition"]
