"""Shows the library at work; run it by `scripts/demo [URL]`.

Without a URL it starts an HTTPS server with HTTP/2 on this machine, the one that the tests use, and
makes requests to it with both clients.  With one it fetches that.
"""

from __future__ import annotations

import asyncio
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import httpcore
from tests.servers.certs import Certs
from tests.servers.hypercorn_server import HypercornServer

MAX_SHOWN_CHARS = 1000
DOWNLOAD_BYTES = 8 * 1024 * 1024


def show(response: httpcore.Response | httpcore.AsyncResponse) -> None:
    """The exchange as a person would want to read it."""
    request = response.request
    if request is not None:
        print(f"> {request.method} {request.url}")
    status_line = f"{response.protocol} {int(response.status_code)} {response.reason_phrase}"
    print(f"< {status_line.rstrip()}")
    for name, value in response.headers.multi_items():
        print(f"< {name}: {value}")
    text = response.text
    print(f"\n{text[:MAX_SHOWN_CHARS]}")
    if len(text) > MAX_SHOWN_CHARS:
        print(f"... and {len(text) - MAX_SHOWN_CHARS} characters more")


def title(text: str) -> None:
    print(f"\n== {text} ==")


def sync_requests(url: str, ca: str) -> None:
    with httpcore.Client(ssl=ca) as client:
        title("Client: GET")
        show(client.get(f"{url}/"))
        title("Client: GET, two redirects followed")
        response = client.get(f"{url}/redirect/2")
        show(response)
        print(f"by way of {[str(hop.url) for hop in response.history]}")
        title("Client: POST of JSON")
        response = client.post(f"{url}/echo", json={"name": "demo", "numbers": [1, 2, 3]})
        show(response)
        title("Client: download, streamed")
        download(client, f"{url}/bytes/{DOWNLOAD_BYTES}")


def download(client: httpcore.Client, url: str) -> None:
    with client.get(url, stream=True) as response:
        total, done, shown = int(response.headers["Content-Length"]), 0, -1
        for piece in response.stream():
            done += len(piece)
            if shown < done * 10 // total:
                shown = done * 10 // total
                print(f"{'#' * 4 * shown:40} {done * 100 // total:3} %  {done:,} bytes")


async def async_requests(url: str, ca: str) -> None:
    async with httpcore.AsyncClient(ssl=ca) as client:
        title("AsyncClient: GET")
        show(await client.get(f"{url}/"))
        title("AsyncClient: POST of JSON")
        show(await client.post(f"{url}/echo", json={"name": "demo", "way": "async"}))
        title("AsyncClient: five at once, each of which takes the server half a second")
        started = asyncio.get_running_loop().time()
        responses = await asyncio.gather(
            *(client.get(f"{url}/slow?seconds=0.5&n={n}") for n in range(5))
        )
        took = asyncio.get_running_loop().time() - started
        print(f"{[int(response.status_code) for response in responses]} in {took:.2f} s")


def main(arguments: list[str]) -> int:
    if arguments:
        try:
            show(httpcore.get(arguments[0]))
        except httpcore.RequestException as exc:
            print(f"{type(exc).__name__}: {exc}", file=sys.stderr)
            return 1
        return 0
    with tempfile.TemporaryDirectory() as folder:
        certs = Certs(pathlib.Path(folder))
        with HypercornServer(certs.server) as server:
            print(f"a local server listens on {server.url}")
            sync_requests(server.url, certs.ca)
            asyncio.run(async_requests(server.url, certs.ca))
    print("\nthe server has ended")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
