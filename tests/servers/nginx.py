"""A real nginx: the server that most of the web's HTTP/1.1 and HTTP/2 comes from."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess
import tempfile
import time

from .certs import Cert
from .ports import free_ports

BIG_BYTES = 64 * 1024 * 1024
SECONDS = 20.0
HOW_TO_GET_IT = "nginx is not installed; on Debian: apt-get install nginx-light"


class NginxMissing(Exception):
    """There is no nginx on this machine."""


def find() -> str:
    """The path of nginx.  Debian has it in a folder that is not on every user's PATH."""
    path = os.environ.get("PATH", os.defpath) + os.pathsep + "/usr/sbin"
    found = shutil.which("nginx", path=path)
    if found is None:
        raise NginxMissing(HOW_TO_GET_IT)
    return found


class Nginx:
    """
    nginx with one worker while its `with` block runs; `NginxMissing` where there is none.

    * `url`: plain HTTP/1.1;
    * `tls_url`: TLS with HTTP/2 and HTTP/1.1 by ALPN;
    * `tls1_url`: TLS with HTTP/1.1 only;
    * `tls12_url`: the same with TLS 1.2 only;
    * `mutual_url`: the same with TLS 1.3 only, for clients with a certificate.

    On all: `/1k.json`, 1,024 bytes; `/100k.bin`, random; `/1m.json`, about 1 MB of JSON sent
    with gzip, whose text is `json_text`; `/big.bin`, `BIG_BYTES` zeros; `/upload`, which
    reads a body of any length and answers with what it counted; `/slow`, 1,024 bytes in 4 seconds;
    `/basic`, what `/1k.json` is, for the user "user" with the password "pass word";
    `/tls`, what nginx knows of the session.
    """

    host = "127.0.0.1"

    def __init__(self, cert: Cert, ca: str | None = None) -> None:
        """`ca`: whose certificates it takes from clients; `None` for its own alone."""
        self._cert = cert
        self._ca = ca or cert.cert
        self._program = find()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def tls_url(self) -> str:
        return f"https://{self.host}:{self.tls_port}"

    @property
    def tls1_url(self) -> str:
        return f"https://{self.host}:{self.tls1_port}"

    @property
    def tls12_url(self) -> str:
        return f"https://{self.host}:{self.tls12_port}"

    @property
    def mutual_url(self) -> str:
        return f"https://{self.host}:{self.mutual_port}"

    def file(self, name: str) -> bytes:
        """The content of one of the files, as it lies on the disk."""
        return (self._folder / "www" / name).read_bytes()

    @property
    def json_text(self) -> str:
        """The text of `/1m.json`."""
        return gzip.decompress(self.file("1m.json")).decode()

    def __enter__(self) -> Nginx:
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="httpcore-nginx-"))
            self._folder = pathlib.Path(folder)
            _write_files(self._folder / "www")
            ports = free_ports(6)
            self.port, self.tls_port, self.tls1_port, self.tls12_port, self.mutual_port = ports[:5]
            values = {
                "FOLDER": folder,
                "USER": "user root;" if os.geteuid() == 0 else "",
                "CERT": self._cert.cert,
                "KEY": self._cert.key,
                "PLAIN": f"{self.host}:{self.port}",
                "TLS": f"{self.host}:{self.tls_port}",
                "TLS1": f"{self.host}:{self.tls1_port}",
                "TLS12": f"{self.host}:{self.tls12_port}",
                "MUTUAL": f"{self.host}:{self.mutual_port}",
                "CA": self._ca,
                "ECHO": f"{self.host}:{ports[5]}",
            }
            for name, text in (("nginx.conf", CONFIG), ("locations.conf", LOCATIONS)):
                filled = re.sub("@([A-Z0-9]+)@", lambda found: values[found[1]], text)
                (self._folder / name).write_text(filled)
            (self._folder / "users").write_text("user:{PLAIN}pass word\n")
            self._start()
            stack.callback(self._stop)
            self._wait_until_ready(ports)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def _start(self) -> None:
        arguments = ["-p", str(self._folder), "-c", "nginx.conf", "-e", "error.log"]
        self._process = subprocess.Popen(
            [self._program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _wait_until_ready(self, ports: list[int]) -> None:
        ends_at = time.monotonic() + SECONDS
        for port in ports:
            while not _accepts(self.host, port):
                if self._process.poll() is not None or time.monotonic() > ends_at:
                    log = (self._folder / "error.log").read_text(errors="replace")
                    raise RuntimeError(f"nginx did not start:\n{log}")
                time.sleep(0.02)

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(SECONDS)


def _write_files(www: pathlib.Path) -> None:
    www.mkdir()
    rng = random.Random(2026)
    document = {"name": "small", "numbers": list(range(50)), "rest": ""}
    document["rest"] = "-" * (1024 - len(json.dumps(document)))
    (www / "1k.json").write_text(json.dumps(document))
    (www / "100k.bin").write_bytes(rng.randbytes(100 * 1024))
    rows = [{"id": n, "value": rng.random(), "tag": rng.choice("abcdef")} for n in range(20_000)]
    (www / "1m.json").write_bytes(gzip.compress(json.dumps(rows).encode(), mtime=0))
    with (www / "big.bin").open("wb") as big:
        big.truncate(BIG_BYTES)  # sparse: it takes no room


def _accepts(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 1).close()
    except OSError:
        return False
    return True


# `listen ... http2` has been deprecated since nginx 1.25, and works; what replaces it does not
# exist in the releases before.
CONFIG = """
daemon off;
worker_processes 1;
pid nginx.pid;
error_log error.log warn;
@USER@
events { worker_connections 2048; }

http {
    access_log off;
    default_type application/octet-stream;
    types { application/json json; }
    sendfile on;
    keepalive_requests 10000000;
    keepalive_timeout 600s;
    large_client_header_buffers 8 128k;
    client_max_body_size 0;
    client_body_temp_path temp-body;
    proxy_temp_path temp-proxy;
    fastcgi_temp_path temp-fastcgi;
    uwsgi_temp_path temp-uwsgi;
    scgi_temp_path temp-scgi;
    ssl_certificate @CERT@;
    ssl_certificate_key @KEY@;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:tls:1m;
    root @FOLDER@/www;

    server {
        listen @PLAIN@ backlog=1024;
        listen @TLS@ ssl http2 backlog=1024;
        listen @TLS1@ ssl backlog=1024;
        include locations.conf;
    }
    server {
        listen @TLS12@ ssl;
        ssl_protocols TLSv1.2;
        include locations.conf;
    }
    server {
        listen @MUTUAL@ ssl;
        ssl_protocols TLSv1.3;
        ssl_client_certificate @CA@;
        ssl_verify_client on;
        include locations.conf;
    }
    server {
        listen @ECHO@;
        location / { return 200 "$content_length"; }
    }
}
"""

LOCATIONS = """
location = /1m.json { add_header Content-Encoding gzip; }
location = /slow { limit_rate 256; try_files /1k.json =404; }
location = /basic {
    auth_basic "The realm";
    auth_basic_user_file @FOLDER@/users;
    try_files /1k.json =404;
}
location = /tls {
    return 200 "$ssl_protocol $ssl_session_reused $ssl_server_name $ssl_client_s_dn";
}
location = /upload {
    client_body_buffer_size 1m;
    proxy_http_version 1.1;
    proxy_pass http://@ECHO@;
}
"""
