"""The server: one nginx worker on 127.0.0.1, with its own certificates, in a temporary folder."""

from __future__ import annotations

import collections.abc
import contextlib
import gzip
import json
import os
import pathlib
import random
import resource
import shutil
import socket
import subprocess
import tempfile
import time

from .clients.base import ServerInfo

ORIGINS = 200
BIG_BYTES = 256 * 1024 * 1024

CONFIGURATION = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
worker_rlimit_nofile {descriptors};
{user}
events {{ worker_connections {connections}; multi_accept on; }}
http {{
  types {{ application/json json; application/octet-stream bin; }}
  default_type text/plain;
  access_log off;
  sendfile on; tcp_nopush off; tcp_nodelay on;
  keepalive_requests 100000000; keepalive_timeout 600s;
  client_header_buffer_size 4k; large_client_header_buffers 8 32k;
  client_max_body_size 0; client_body_timeout 120s; send_timeout 120s;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  lingering_close always;
  http2_max_concurrent_streams 256; http2_chunk_size 16k;
  ssl_certificate {folder}/leaf.pem; ssl_certificate_key {folder}/leaf.key;
  ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:S:4m; ssl_session_timeout 10m;
  ssl_buffer_size 16k;

  server {{ listen 127.0.0.1:{sink} backlog=4096; location / {{ return 200 "ok"; }} }}
  server {{
    listen 127.0.0.1:{http} backlog=4096 default_server;
    {origins}
    listen 127.0.0.1:{https} ssl http2 backlog=4096;
    server_name localhost;
    root {folder}/www;
    include {folder}/locations.conf;
  }}
  server {{
    listen 127.0.0.1:{https1} ssl backlog=4096;
    server_name localhost;
    root {folder}/www;
    include {folder}/locations.conf;
  }}
}}
"""

LOCATIONS = """
location = /big.json {{ gzip_static always; }}
location = /post {{ default_type application/json; return 200 '{{"ok": true, "got": 1}}'; }}
location = /upload {{
  # The body is read in full, in memory, before the reply.
  client_body_buffer_size 300m;
  proxy_request_buffering on; proxy_http_version 1.1;
  proxy_pass http://127.0.0.1:{sink}/;
}}
location = /headers40 {{ try_files /1k.json =404; {headers} }}
location = /cookies20 {{ try_files /1k.json =404; {cookies} }}
location = /slow {{ try_files /1k.json =404; limit_rate 250; }}
"""

CA_EXTENSIONS = """
[req]
distinguished_name=dn
x509_extensions=v3
prompt=no
[dn]
CN=benchmark
[v3]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
"""

LEAF_EXTENSIONS = """
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
subjectAltName=DNS:localhost,IP:127.0.0.1
authorityKeyIdentifier=keyid
subjectKeyIdentifier=hash
"""


@contextlib.contextmanager
def running() -> collections.abc.Iterator[ServerInfo]:
    """Start the server, wait until it answers, and end it."""
    with tempfile.TemporaryDirectory(prefix="httpcore-benchmark-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        rows = make_files(folder / "www")
        make_certificates(folder)
        ports = free_ports(4 + ORIGINS)
        configure(folder, ports)
        program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            raise SystemExit("there is no nginx; Debian's package is nginx-light")
        command = [program, "-c", str(folder / "nginx.conf"), "-p", name]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            wait_for(process, [*ports[:4], ports[-1]], folder / "error.log")
            http, https, https1, _, *origins = ports
            yield ServerInfo(
                http=f"http://127.0.0.1:{http}",
                https=f"https://localhost:{https}",
                https1=f"https://localhost:{https1}",
                origins=[f"http://127.0.0.1:{port}" for port in origins],
                ca=str(folder / "ca.pem"),
                big_bytes=BIG_BYTES,
                json_rows=rows,
                big_file=str(folder / "www" / "256m.bin"),
            )
        finally:
            process.terminate()
            process.wait(10)


def configure(folder: pathlib.Path, ports: list[int]) -> None:
    http, https, https1, sink, *origins = ports
    for name in ("body", "proxy", "f", "u", "s"):
        (folder / name).mkdir()
    headers = " ".join(
        f'add_header X-Bench-Header-{number:02} "value number {number} of the long header list";'
        for number in range(32)
    )
    cookies = " ".join(
        f'add_header Set-Cookie "name{number:02}=value-{number:04}-abcdef; Path=/; '
        'Max-Age=3600; HttpOnly";'
        for number in range(20)
    )
    (folder / "locations.conf").write_text(
        LOCATIONS.format(sink=sink, headers=headers, cookies=cookies), "utf-8"
    )
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    configuration = CONFIGURATION.format(
        folder=folder,
        descriptors=descriptors,
        connections=descriptors - 1000,
        user="user root;" if os.geteuid() == 0 else "",
        http=http,
        https=https,
        https1=https1,
        sink=sink,
        origins=" ".join(f"listen 127.0.0.1:{port};" for port in origins),
    )
    (folder / "nginx.conf").write_text(configuration, "utf-8")


def wait_for(process: subprocess.Popen[bytes], ports: list[int], log: pathlib.Path) -> None:
    ends_at = time.monotonic() + 10
    for port in ports:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if time.monotonic() > ends_at or process.poll() is not None:
                    said = log.read_text("utf-8")[-2000:] if log.exists() else ""
                    raise SystemExit(f"nginx did not start: {said}") from None
                time.sleep(0.05)


def make_files(folder: pathlib.Path) -> int:
    """Write what is served; how many rows the large document has."""
    folder.mkdir()
    random_numbers = random.Random(7)
    small = {"id": 1, "name": "benchmark", "items": list(range(40)), "pad": ""}
    small["pad"] = "x" * (1024 - len(json.dumps(small)))
    (folder / "1k.json").write_text(json.dumps(small), "utf-8")
    (folder / "100k.bin").write_bytes(random_numbers.randbytes(100 * 1024))
    with open(folder / "256m.bin", "wb") as file:
        file.truncate(BIG_BYTES)  # sparse, so that it takes no disk
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]
    rows: list[dict[str, object]] = []
    size = 0
    while size < 1_000_000:
        row = {
            "id": len(rows),
            "name": " ".join(random_numbers.choices(words, k=4)),
            "value": random_numbers.random(),
            "flags": [random_numbers.random() < 0.5 for _ in range(4)],
            "when": f"2024-01-{random_numbers.randint(1, 28):02}T00:00:00Z",
        }
        rows.append(row)
        size += len(json.dumps(row)) + 2
    packed = gzip.compress(json.dumps(rows).encode(), 6, mtime=0)
    (folder / "big.json").touch()
    (folder / "big.json.gz").write_bytes(packed)
    return len(rows)


def make_certificates(folder: pathlib.Path) -> None:
    (folder / "ca.cnf").write_text(CA_EXTENSIONS, "utf-8")
    (folder / "leaf.ext").write_text(LEAF_EXTENSIONS, "utf-8")
    commands = [
        "ecparam -name prime256v1 -genkey -noout -out ca.key",
        "ecparam -name prime256v1 -genkey -noout -out leaf.key",
        "req -x509 -new -key ca.key -days 30 -config ca.cnf -out ca.pem",
        "req -new -key leaf.key -subj /CN=localhost -out leaf.csr",
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30"
        " -extfile leaf.ext -out leaf.pem",
    ]
    for command in commands:
        subprocess.run(
            ["openssl", *command.split()], cwd=folder, check=True, capture_output=True, timeout=30
        )


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in sockets]
