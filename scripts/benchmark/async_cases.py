"""What is measured of asyncio clients.  Each coroutine runs in the client's own process."""

from __future__ import annotations

import asyncio
import collections.abc
import gc
import typing

from .clients.base import AsyncClient, Options, ServerInfo
from .measuring import (
    BIG_CHUNKS,
    DOCUMENT,
    HEADER,
    Measurement,
    Meter,
    check,
    expect,
    open_sockets,
    resident_kb,
)

Operation = collections.abc.Callable[[], collections.abc.Awaitable[None]]
Result = collections.abc.Coroutine[typing.Any, typing.Any, Measurement]
Case = collections.abc.Callable[[type[AsyncClient], ServerInfo, Meter], Result]


async def loop(
    client: AsyncClient, meter: Meter, operation: Operation, warm_up: int
) -> Measurement:
    """Run `operation` a few times, then measure it, then close the client."""
    for _ in range(warm_up):
        await operation()
    with meter.running():
        while meter.goes_on():
            for _ in range(meter.batch):
                await operation()
    await client.close()
    return meter.measured()


def getting(client: AsyncClient, url: str) -> Operation:
    get = client.get

    async def operation() -> None:
        status, body = await get(url)
        if status != 200 or len(body) != 1024:
            raise AssertionError(f"status {status}, {len(body)} bytes")

    return operation


async def get(make: type[AsyncClient], server: ServerInfo, meter: Meter) -> Measurement:
    client = make(server, Options())
    return await loop(client, meter, getting(client, f"{server.http}/1k.json"), 50)


def tasks(count: int, pool: int, kind: str = "http") -> Case:
    """So many tasks make requests, one after the other each, over `pool` connections."""

    async def run(make: type[AsyncClient], server: ServerInfo, meter: Meter) -> Measurement:
        client = make(server, Options(pool=pool, http2=kind == "https"))
        url = f"{getattr(server, kind)}/1k.json"
        if kind == "https":
            expect((await client.protocol(url)).startswith("HTTP/2"), True)
        operation = getting(client, url)

        async def all_of(requests: int) -> None:
            left = requests

            async def work() -> None:
                nonlocal left
                while left > 0:
                    left -= 1
                    await operation()

            await asyncio.gather(*[work() for _ in range(count)])

        await all_of(count)
        with meter.running():
            while meter.goes_on():
                await all_of(meter.batch)
        await client.close()
        return meter.measured()

    return run


async def headers(make: type[AsyncClient], server: ServerInfo, meter: Meter) -> Measurement:
    client = make(server, Options())
    name, value = HEADER

    async def operation() -> None:
        expect(await client.get_header(f"{server.http}/headers40", name), (200, value))

    return await loop(client, meter, operation, 30)


async def cookies(make: type[AsyncClient], server: ServerInfo, meter: Meter) -> Measurement:
    client = make(server, Options(cookies=True))
    url = f"{server.http}/cookies20".replace("127.0.0.1", "localhost")
    operation = getting(client, url)
    await operation()
    expect(client.cookie_count(), 20)
    return await loop(client, meter, operation, 20)


async def post_json(make: type[AsyncClient], server: ServerInfo, meter: Meter) -> Measurement:
    client = make(server, Options())

    async def operation() -> None:
        expect((await client.post_json(f"{server.http}/post", DOCUMENT))["ok"], True)

    return await loop(client, meter, operation, 30)


def origins(count: int) -> Case:
    """Requests go to `count` origins in turn, to each of which there is an idle connection."""

    async def run(make: type[AsyncClient], server: ServerInfo, meter: Meter) -> Measurement:
        client = make(server, Options(pool=max(250, count)))
        operations = [getting(client, f"{url}/1k.json") for url in server.origins[:count]]
        for operation in operations * (2 if count > 1 else 50):
            await operation()
        done = 0
        with meter.running():
            while meter.goes_on():
                for _ in range(meter.batch):
                    await operations[done % count]()
                    done += 1
        expect(open_sockets() >= count, True)
        await client.close()
        return meter.measured()

    return run


async def download(make: type[AsyncClient], server: ServerInfo, meter: Meter) -> Measurement:
    client = make(server, Options())

    async def operation() -> None:
        expect(await client.download(f"{server.http}/256m.bin"), (200, server.big_bytes))

    return await loop(client, meter, operation, 0)


async def upload_chunks(make: type[AsyncClient], server: ServerInfo, meter: Meter) -> Measurement:
    client = make(server, Options())

    async def chunks() -> collections.abc.AsyncIterator[bytes]:
        for chunk in BIG_CHUNKS:
            yield chunk

    async def operation() -> None:
        expect(await client.upload_chunks(f"{server.http}/upload", chunks()), 200)

    return await loop(client, meter, operation, 0)


async def gzip_json(make: type[AsyncClient], server: ServerInfo, meter: Meter) -> Measurement:
    client = make(server, Options())

    async def operation() -> None:
        expect(len(await client.get_json(f"{server.http}/big.json")), server.json_rows)

    return await loop(client, meter, operation, 3)


async def first_https(make: type[AsyncClient], server: ServerInfo, meter: Meter) -> Measurement:
    """A new client and its first request, over TLS."""

    async def operation() -> None:
        client = make(server, Options())
        check(await client.get(f"{server.https1}/1k.json"))
        await client.close()

    await operation()
    with meter.running():
        while meter.goes_on():
            for _ in range(meter.batch):
                await operation()
    return meter.measured()


async def idle_memory(make: type[AsyncClient], server: ServerInfo, meter: Meter) -> Measurement:
    """KB of memory for each of a thousand connections that are open and idle."""
    client = make(server, Options(pool=meter.batch))
    check(await client.get(f"{server.http}/1k.json"))
    gc.collect()
    memory, sockets = resident_kb(), open_sockets()
    with meter.running():
        got = await asyncio.gather(*[client.get(f"{server.http}/slow") for _ in range(meter.batch)])
    for answer in got:
        check(answer)
    got.clear()
    gc.collect()
    await asyncio.sleep(0.2)
    opened = open_sockets() - sockets + 1
    used = (resident_kb() - memory) / max(1, opened)
    await client.close()
    note = "" if opened >= meter.batch else f"only {opened} opened"
    return Measurement(used, note)
