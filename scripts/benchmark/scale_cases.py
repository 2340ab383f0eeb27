"""What is measured of httpcore as things become many.  Each runs in a process of its own.

There are no ten thousand host names to look up, and nginx cannot listen on ten thousand ports
beside that many connections: so a resolver says that every name stands for 127.0.0.1.  All else is
as it is for users: real connections to a real server.
"""

from __future__ import annotations

import asyncio
import collections.abc
import gc
import json
import os
import pathlib
import socket
import sys
import typing

import httpcore

from .clients import floor
from .clients.base import Options, ServerInfo
from .measuring import Measurement, Meter, check, open_sockets, resident_kb

POOL = httpcore.PoolLimits(None, None, keepalive_expiry=None)
EVERY_NAME_HERE = httpcore.ConnectConfig(resolver=lambda host, port: ["127.0.0.1"])
SMALL_POOL = httpcore.PoolLimits(10, 10, pool_timeout=None)

URL = typing.TypeVar("URL")
Case = collections.abc.Callable[[int, ServerInfo, Meter], Measurement]


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def origin_urls(count: int, port: int) -> list[str]:
    return [f"http://host{number}.test:{port}/1k.json" for number in range(count)]


def in_turn(
    operation: collections.abc.Callable[[URL], object], urls: list[URL], meter: Meter
) -> Measurement:
    """Measure `operation` on one of `urls` after the other."""
    done = 0
    with meter.running():
        while meter.goes_on():
            for _ in range(meter.batch):
                operation(urls[done % len(urls)])
                done += 1
    return meter.measured()


def origins_floor(count: int, server: ServerInfo, meter: Meter) -> Measurement:
    """The same with raw sockets: what it costs the system to have so many."""
    port = port_of(server.origins[0])
    urls = origin_urls(count, port)
    sockets = {url: socket.create_connection(("127.0.0.1", port)) for url in urls}

    def get(url: str) -> None:
        sock = sockets[url]
        sock.sendall(floor.request_bytes("GET", url[7:-8], "/1k.json"))
        data = sock.recv(65536)
        end = data.find(b"\r\n\r\n")
        status, length = floor.parse_head(data, end)
        assert status == 200
        while len(data) < end + 4 + length:
            data += sock.recv(65536)

    for url in urls:
        get(url)
    return in_turn(get, urls, meter)


def origins_sync(count: int, server: ServerInfo, meter: Meter) -> Measurement:
    client = httpcore.Client(pool_limits=POOL, connect=EVERY_NAME_HERE, timeout=60)
    urls = origin_urls(count, port_of(server.origins[1]))

    def get(url: str) -> None:
        response = client.get(url)
        check((response.status_code, response.content))

    for url in urls:
        get(url)
    assert open_sockets() >= count
    return in_turn(get, urls, meter)


def origins_parsed(count: int, server: ServerInfo, meter: Meter) -> Measurement:
    """As `origins_sync`, with the URLs parsed beforehand."""
    client = httpcore.Client(pool_limits=POOL, connect=EVERY_NAME_HERE, timeout=60)
    urls = [httpcore.URL(url) for url in origin_urls(count, port_of(server.origins[4]))]

    def get(url: httpcore.URL) -> None:
        response = client.get(url)
        check((response.status_code, response.content))

    for url in urls:
        get(url)
    return in_turn(get, urls, meter)


async def origins_async(count: int, server: ServerInfo, meter: Meter) -> Measurement:
    client = httpcore.AsyncClient(pool_limits=POOL, connect=EVERY_NAME_HERE, timeout=60)
    urls = origin_urls(count, port_of(server.origins[2]))

    async def get(url: str) -> None:
        response = await client.get(url)
        check((response.status_code, response.content))

    for url in urls:
        await get(url)
    assert open_sockets() >= count
    done = 0
    with meter.running():
        while meter.goes_on():
            for _ in range(meter.batch):
                await get(urls[done % count])
                done += 1
    return meter.measured()


async def with_idle(count: int, server: ServerInfo) -> httpcore.AsyncClient:
    """A client with so many idle connections to one origin."""
    client = httpcore.AsyncClient(pool_limits=POOL, timeout=60)
    for response in await asyncio.gather(
        *[client.get(f"{server.origins[3]}/slow") for _ in range(count)]
    ):
        check((response.status_code, response.content))
    assert open_sockets() >= count
    return client


async def idle(count: int, server: ServerInfo, meter: Meter) -> Measurement:
    client = await with_idle(count, server)
    url = f"{server.origins[3]}/1k.json"
    with meter.running():
        while meter.goes_on():
            for _ in range(meter.batch):
                response = await client.get(url)
                check((response.status_code, response.content))
    return meter.measured()


async def memory(count: int, server: ServerInfo, meter: Meter) -> Measurement:
    """KB of an idle connection; ten come first, with all that is loaded only once."""
    few = await with_idle(10, server)
    gc.collect()
    before = resident_kb()
    many = await with_idle(count, server)
    gc.collect()
    used = resident_kb() - before
    await few.close()
    await many.close()
    return Measurement(used / count)


async def waiting(count: int, server: ServerInfo, meter: Meter) -> Measurement:
    """So many tasks at once make one request each, over a pool of ten."""
    client = httpcore.AsyncClient(pool_limits=SMALL_POOL, timeout=60)

    async def get() -> tuple[int, bytes]:
        response = await client.get(f"{server.http}/1k.json")
        return response.status_code, response.content

    return await _at_once(count, meter, get)


async def _at_once(
    count: int,
    meter: Meter,
    get: collections.abc.Callable[[], collections.abc.Awaitable[tuple[int, bytes]]],
) -> Measurement:
    async def task() -> None:
        check(await get())

    await asyncio.gather(*[task() for _ in range(20)])
    times = max(1, meter.batch // count)
    with meter.running():
        while meter.goes_on():
            for _ in range(times):
                await asyncio.gather(*[task() for _ in range(count)])
    return meter.measured(meter.batches * times * count)


async def waiting_uncollected(count: int, server: ServerInfo, meter: Meter) -> Measurement:
    """The same without Python's garbage collector, which walks through all that wait."""
    gc.disable()
    return await waiting(count, server, meter)


async def waiting_floor(count: int, server: ServerInfo, meter: Meter) -> Measurement:
    """The same with a semaphore and raw protocols: what so many tasks cost asyncio."""
    client = floor.AsyncClient(server, Options(pool=10))
    return await _at_once(count, meter, lambda: client.get(f"{server.http}/1k.json"))


def cookies_of_others(count: int, server: ServerInfo, meter: Meter) -> Measurement:
    """So many cookies in the jar, one for each of so many hosts; one goes with a request."""

    def place(number: int) -> tuple[str, str]:
        return (f"host{number}.test" if number else "localhost", "/")

    return _with_cookies(count, server, meter, place)


def cookies_of_paths(count: int, server: ServerInfo, meter: Meter) -> Measurement:
    """So many cookies for one host, each for a path of its own; one goes with a request."""

    def place(number: int) -> tuple[str, str]:
        return ("localhost", f"/path{number}" if number else "/")

    return _with_cookies(count, server, meter, place)


def _with_cookies(
    count: int,
    server: ServerInfo,
    meter: Meter,
    place: collections.abc.Callable[[int], tuple[str, str]],
) -> Measurement:
    jar = httpcore.Cookies()
    for number in range(count):
        domain, path = place(number)
        jar.set(f"name{number}", "value", domain=domain, path=path)
    client = httpcore.Client(cookies=jar, timeout=60)
    url = f"{server.http}/1k.json".replace("127.0.0.1", "localhost")

    def get(url: str) -> None:
        response = client.get(url)
        check((response.status_code, response.content))
        assert response.request is not None
        assert response.request.headers["cookie"] == "name0=value"

    for _ in range(50):
        get(url)
    return in_turn(get, [url], meter)


CASES: dict[str, typing.Any] = {
    "origins_floor": origins_floor,
    "origins_sync": origins_sync,
    "origins_async": origins_async,
    "origins_parsed": origins_parsed,
    "idle": idle,
    "waiting": waiting,
    "waiting_uncollected": waiting_uncollected,
    "waiting_floor": waiting_floor,
    "cookies_of_others": cookies_of_others,
    "cookies_of_paths": cookies_of_paths,
    "memory": memory,
}


def main() -> None:
    name, count, batch, seconds, server_file = sys.argv[1:]
    server = ServerInfo(**json.loads(pathlib.Path(server_file).read_text("utf-8")))
    result = CASES[name](int(count), server, Meter(int(batch), float(seconds)))
    if asyncio.iscoroutine(result):
        result = asyncio.run(result)
    print(json.dumps({"value": result.value}), flush=True)
    os._exit(0)  # closing thousands of connections is not our subject


if __name__ == "__main__":
    main()
