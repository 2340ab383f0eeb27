"""httpbin, and a second implementation of Digest, on waitress in a process of its own."""

from __future__ import annotations

import collections.abc
import secrets
import socket
import threading
import typing
import warnings

import flask
import flask_httpauth
import waitress

from .process import ServerProcess, announce, wait_for_end

App = collections.abc.Callable[..., collections.abc.Iterable[bytes]]


class HttpbinServer(ServerProcess):
    """
    httpbin at `url`; and at `url`/flask/md5 and `url`/flask/md5-sess a page that Flask-HTTPAuth
    shows to the user "user" with the password "pass word".
    """

    def __init__(self) -> None:
        super().__init__("tests.servers.wsgi_server")


def flask_app() -> flask.Flask:
    app = flask.Flask(__name__)
    app.secret_key = secrets.token_hex()
    for name in ("MD5", "MD5-Sess"):
        protect(app, name)
    return app


def protect(app: flask.Flask, algorithm: str) -> None:
    nonces: set[str] = set()
    auth = flask_httpauth.HTTPDigestAuth(algorithm=algorithm, realm='The "realm"')

    # Not in a session, as by default: that would need cookies.
    @auth.generate_nonce
    def generate_nonce() -> str:
        nonce = secrets.token_hex()
        nonces.add(nonce)
        return nonce

    @auth.verify_nonce
    def verify_nonce(nonce: str) -> bool:
        return nonce in nonces

    @auth.generate_opaque
    def generate_opaque() -> str:
        return "opaque"

    @auth.verify_opaque
    def verify_opaque(opaque: str) -> bool:
        return opaque == "opaque"

    @auth.get_password
    def get_password(user: str) -> str | None:
        return "pass word" if user == "user" else None

    @app.route(f"/flask/{algorithm.lower()}", endpoint=algorithm)
    @auth.login_required
    def protected() -> str:
        return f"Hello, {auth.username()}"


def main() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of httpbin are its own
        import httpbin

    inner, other = httpbin.app, flask_app()

    def app(environ: dict[str, typing.Any], start_response: typing.Any) -> typing.Any:
        chosen = other if environ["PATH_INFO"].startswith("/flask/") else inner
        return chosen(environ, start_response)

    with socket.create_server((ServerProcess.host, 0), backlog=1024) as listener:
        server = waitress.create_server(app, sockets=[listener], threads=8)
        announce(listener.getsockname()[1])
        threading.Thread(target=server.run, daemon=True).start()
        wait_for_end()


if __name__ == "__main__":
    main()
