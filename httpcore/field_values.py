"""Header fields by name, and tolerant parsers for their values: lists, Content-Type, Link.

The parsers read what servers send, so no input makes them raise: what is malformed is skipped, and
the first usable value counts.  All take time linear in their input: a quoted string that is never
closed goes on to the end of the value, and there is one way only in which a pattern can match.
No quantifier is possessive (`*+`): PyPy 7.3 then overlooks what there is.
"""

from __future__ import annotations

import collections.abc
import re
import urllib.parse

from .aliases import RawHeaders

QUOTED_TEXT = r'"([^"\\]*(?:\\.[^"\\]*)*)'
_QUOTED = r'"[^"\\]*(?:\\.[^"\\]*)*"?'
_LIST_ITEM = re.compile(rf'(?:[^",]+|{_QUOTED})+', re.DOTALL)
_PARAMETER = re.compile(rf'(?:[^";]+|{_QUOTED})+', re.DOTALL)
_LINK = re.compile(rf'<([^<>]*)>((?:[^",]+|{_QUOTED})*)', re.DOTALL)
_QUOTED_TEXT = re.compile(QUOTED_TEXT, re.DOTALL)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)

FieldIndex = dict[bytes, list[bytes]]
"""The values of fields, in order, by the lower-case name.  Never changed: it is shared."""


def field_index(fields: RawHeaders) -> FieldIndex:
    """The index of a list of fields."""
    index: FieldIndex = {}
    for name, value in fields:
        index.setdefault(name.lower(), []).append(value)
    return index


# Of Connection, which every message is asked for.
_MOST_COMMON = [b"keep-alive"]


def has_token(values: collections.abc.Sequence[bytes], token: bytes) -> bool:
    """Whether the lists of tokens that `values` are have `token`, which is in lower case."""
    if values == _MOST_COMMON:
        return token == b"keep-alive"
    tokens = b",".join(values).lower()
    return token in tokens and token in [item.strip() for item in tokens.split(b",")]


def list_items(value: str) -> list[str]:
    """The items of a comma-separated list (RFC 9110 §5.6.1), which may hold quoted commas."""
    if '"' not in value:
        items = value.split(",")
    else:
        items = _LIST_ITEM.findall(value)
    return [item for item in map(_trimmed, items) if item]


def parse_content_type(value: str | None) -> tuple[str, str | None]:
    """
    The media type, in lower case, and the charset of a Content-Type (RFC 9110 §8.3).

    `("", None)` for `None` and for what has neither.  Of several types or charsets the first that
    is not empty counts.  Whether anyone knows the charset is not looked at.
    """
    media_type, charset = "", None
    for item in list_items(value or ""):
        for part in _PARAMETER.findall(item):
            name, equals, argument = part.partition("=")
            if not equals:
                if not media_type and "/" in name:
                    media_type = name.split(maxsplit=1)[0].lower()
            elif charset is None and name.strip().lower() == "charset":
                # Quoted 'so' it is wrong, but it happens.
                charset = unquoted(argument).strip(" \t'") or None
    return media_type, charset


def parse_boundary(value: str) -> str | None:
    """The boundary of a multipart Content-Type (RFC 2046 §5.1.1); `None` where it has none."""
    for part in _PARAMETER.findall(value):
        name, _, argument = part.partition("=")
        if name.strip().lower() == "boundary":
            return unquoted(argument)
    return None


def parse_link_header(value: str) -> list[dict[str, str]]:
    """
    The links of a Link field (RFC 8288 §3) as `{"url": ..., "rel": ..., ...}`.

    Parameters are in lower case, unquoted; of those that repeat the first counts (§3.3).
    """
    links = []
    for target, parameters in _LINK.findall(value):
        link = {"url": target.strip()}
        for parameter in _PARAMETER.findall(parameters):
            name, _, argument = parameter.partition("=")
            name = name.strip().lower()
            if name and name not in link:
                link[name] = unquoted(argument)
        links.append(link)
    return links


def parse_disposition_filename(value: str | None) -> str | None:
    """
    The file name of a Content-Disposition (RFC 6266), safe to be used; `None` where there is none.

    `filename*` counts more than `filename` (§4.3).  Of a path only its last part is left, by either
    slash; control characters, dots in front, and blanks around it are taken away.
    """
    names: dict[str, str] = {}
    for part in _PARAMETER.findall(value or ""):
        name, equals, argument = part.partition("=")
        if equals:
            names.setdefault(name.strip().lower(), unquoted(argument))
    name = _extended_value(names.get("filename*", "")) or names.get("filename", "")
    name = name.replace("\\", "/").rpartition("/")[2]
    name = "".join(char for char in name if char.isprintable()).lstrip(" .").rstrip()
    return name or None


def _extended_value(value: str) -> str:
    """The text of `charset'language'escapes` (RFC 8187), `""` for what is none."""
    charset, _, rest = value.partition("'")
    _, quote, escaped = rest.partition("'")
    if not quote or charset.lower() not in ("utf-8", "iso-8859-1"):
        return ""
    return urllib.parse.unquote(escaped, encoding=charset, errors="replace")


def _trimmed(text: str) -> str:
    return text.strip(" \t")


def unquoted(text: str) -> str:
    """The text of a quoted string (RFC 9110 §5.6.4), or `text` where it is none."""
    text = _trimmed(text)
    quoted = _QUOTED_TEXT.match(text)
    return text if quoted is None else _QUOTED_PAIR.sub(r"\1", quoted[1])
