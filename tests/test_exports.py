"""The public surface: what is there, that nothing else is, and that all of it is documented."""

from __future__ import annotations

import inspect
import pathlib
import re
import subprocess
import sys
import typing

import pytest

import httpcore

README = pathlib.Path(__file__).parents[1] / "README.md"

EXPORTS = """
    __version__
    Client AsyncClient TrioClient
    request get options head post put patch delete query
    Request Response AsyncResponse ResponseBase ConnectionInfo
    URL Origin Headers QueryParams codes SECRET_HEADERS
    Cookies Cookie
    SSLConfig TimeoutConfig PoolLimits ConnectConfig ResponseLimits Proxy JSONCodec
    Auth BasicAuth DigestAuth PasswordAuth BearerAuth NetRCAuth
    Dispatcher ConnectionPool HTTPConnection MockDispatch
    ConcurrencyBackend AsyncioBackend SyncBackend
    RequestException
    NetworkError ConnectError SSLError ProxyError ReadError WriteError
    CertificateError CertificateDateError HostnameMismatch UnknownIssuer PinMismatch
    Timeout ConnectTimeout ReadTimeout WriteTimeout PoolTimeout TotalTimeout
    ProtocolError LocalProtocolError RemoteProtocolError
    DecodingError JSONDecodeError ResponseTooLarge
    HTTPError HttpError
    RedirectError TooManyRedirects RedirectLoop RedirectBodyUnavailable
    StreamException StreamConsumed ResponseNotRead ResponseClosed
    InvalidURL InvalidHeader CookieConflict SuspendedInSyncCode
""".split()  # noqa: SIM905 - in groups, as the contract has them

# Public too, but not for `import *`, which has to work without trio.
ON_REQUEST = ["TrioBackend"]

# What importing the library must not load: it costs more than the library itself, or is optional.
HEAVY = """
    asyncio ssl h11 httptools h2 hpack certifi chardet idna rfc3986 trio brotli brotlicffi zstandard
    compression.zstd backports.zstd ctypes email http.client http.cookiejar concurrent.futures
""".split()  # noqa: SIM905

PUBLIC = [getattr(httpcore, name) for name in [*EXPORTS, *ON_REQUEST]]
CLASSES = [value for value in PUBLIC if inspect.isclass(value)]


def test_exports() -> None:
    """`__all__` is this list, in groups, without repetition."""
    assert sorted(httpcore.__all__) == sorted(EXPORTS)
    assert len(set(httpcore.__all__)) == len(httpcore.__all__)


def test_import_star() -> None:
    """`from httpcore import *` gives exactly that."""
    namespace: dict[str, object] = {}
    exec("from httpcore import *", namespace)
    assert sorted(namespace.keys() - {"__builtins__"}) == sorted(EXPORTS)


def test_nothing_else_is_public() -> None:
    """What else the package has in it are its modules."""
    others = {
        name: value
        for name, value in vars(httpcore).items()
        if not name.startswith("_") and name not in [*EXPORTS, *ON_REQUEST]
    }
    modules = {name for name, value in others.items() if inspect.ismodule(value)}
    assert others.keys() - modules == {"annotations"}


def test_unknown_names() -> None:
    """A misspelt name is the usual error."""
    with pytest.raises(AttributeError, match="module 'httpcore' has no attribute 'Cleint'"):
        _ = httpcore.Cleint  # type: ignore[attr-defined]


def test_version() -> None:
    """The version is one that sorts."""
    assert re.fullmatch(r"\d+\.\d+\.\d+([ab.]\w+)?", httpcore.__version__)


@pytest.mark.parametrize("name", [*EXPORTS, *ON_REQUEST])
def test_readme_names_it(name: str) -> None:
    """The README tells of everything that is public."""
    reference = README.read_text(encoding="utf-8").partition("## API reference")[2]
    assert name == "__version__" or re.search(rf"\b{name}\b", reference)


@pytest.mark.parametrize("value", [v for v in PUBLIC if callable(v)], ids=lambda v: v.__name__)
def test_has_a_docstring(value: typing.Any) -> None:
    """Every class and function says what it is."""
    assert value.__module__.startswith("httpcore.")
    assert (value.__doc__ or "").strip()


def members(cls: type) -> typing.Iterator[tuple[str, typing.Any]]:
    """The public methods and properties that `cls` has from this library."""
    for base in cls.__mro__:
        if base.__module__.startswith("httpcore."):
            for name, value in vars(base).items():
                if not name.startswith("_") and (callable(value) or hasattr(value, "fget")):
                    yield name, value
                if isinstance(value, (classmethod, staticmethod)) and not name.startswith("_"):
                    yield name, value.__func__


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_methods_have_docstrings(cls: type) -> None:
    """So does every public method, unless it does what its base says."""
    undocumented = [
        name for name, value in members(cls) if not inspect.getdoc(getattr(cls, name, value))
    ]
    assert undocumented == []


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_typed(cls: type) -> None:
    """Every parameter and result of a public method has a type."""
    for name, value in [*members(cls), ("__init__", vars(cls).get("__init__"))]:
        if inspect.isfunction(value):
            signature = inspect.signature(value)
            parameters = list(signature.parameters.values())
            untyped = [p.name for p in parameters[1:] if p.annotation is p.empty]
            assert untyped == [], f"{cls.__name__}.{name}"
            assert signature.return_annotation is not signature.empty, f"{cls.__name__}.{name}"


def test_marked_as_typed() -> None:
    """Type checkers of those who use it look for this file."""
    assert pathlib.Path(httpcore.__file__).with_name("py.typed").exists()


def test_import_is_light() -> None:
    """What costs time is loaded when it is first needed."""
    script = f"import sys, httpcore; print([name for name in {HEAVY} if name in sys.modules])"
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30
    )
    assert ran.stdout.strip() == "[]"
