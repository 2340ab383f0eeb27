"""What is measured of sync clients.  Each function runs in the client's own process."""

from __future__ import annotations

import collections.abc
import threading

from .clients.base import Options, ServerInfo, SyncClient
from .measuring import BIG_CHUNKS, DOCUMENT, HEADER, Measurement, Meter, check, expect, open_sockets

Operation = collections.abc.Callable[[], None]
Case = collections.abc.Callable[[type[SyncClient], ServerInfo, Meter], Measurement]


def loop(client: SyncClient, meter: Meter, operation: Operation, warm_up: int) -> Measurement:
    """Run `operation` a few times, then measure it, then close the client."""
    for _ in range(warm_up):
        operation()
    with meter.running():
        while meter.goes_on():
            for _ in range(meter.batch):
                operation()
    client.close()
    return meter.measured()


def getting(client: SyncClient, url: str, size: int = 1024) -> Operation:
    def operation(get: collections.abc.Callable[[str], tuple[int, bytes]] = client.get) -> None:
        status, body = get(url)
        if status != 200 or len(body) != size:
            raise AssertionError(f"status {status}, {len(body)} bytes")

    return operation


def get(make: type[SyncClient], server: ServerInfo, meter: Meter) -> Measurement:
    client = make(server, Options())
    return loop(client, meter, getting(client, f"{server.http}/1k.json"), 50)


def get_100k(make: type[SyncClient], server: ServerInfo, meter: Meter) -> Measurement:
    client = make(server, Options())
    return loop(client, meter, getting(client, f"{server.http}/100k.bin", 102400), 20)


def tls(make: type[SyncClient], server: ServerInfo, meter: Meter) -> Measurement:
    client = make(server, Options())
    return loop(client, meter, getting(client, f"{server.https1}/1k.json"), 50)


def http2(make: type[SyncClient], server: ServerInfo, meter: Meter) -> Measurement:
    client = make(server, Options(http2=True))
    url = f"{server.https}/1k.json"
    expect(client.protocol(url).startswith("HTTP/2"), True)
    return loop(client, meter, getting(client, url), 50)


def threads(make: type[SyncClient], server: ServerInfo, meter: Meter) -> Measurement:
    """Eight threads share a client; all have warmed up before the clock starts."""
    client = make(server, Options(pool=8))
    operation = getting(client, f"{server.http}/1k.json")
    ready, go = threading.Barrier(9), threading.Barrier(9)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(10):
                operation()
            ready.wait(30)
            go.wait(30)
            for _ in range(meter.batch // 8):
                operation()
        except BaseException as exc:
            errors.append(exc)

    workers = [threading.Thread(target=work, daemon=True) for _ in range(8)]
    for worker in workers:
        worker.start()
    ready.wait(30)
    with meter.running():
        go.wait(30)
        for worker in workers:
            worker.join(60)
    if errors:
        raise errors[0]
    client.close()
    return meter.measured(operations=meter.batch // 8 * 8)


def headers(make: type[SyncClient], server: ServerInfo, meter: Meter) -> Measurement:
    client = make(server, Options())
    name, value = HEADER

    def operation() -> None:
        expect(client.get_header(f"{server.http}/headers40", name), (200, value))

    return loop(client, meter, operation, 30)


def cookies(make: type[SyncClient], server: ServerInfo, meter: Meter) -> Measurement:
    client = make(server, Options(cookies=True))
    # A name, since some jars keep no cookies of addresses.
    url = f"{server.http}/cookies20".replace("127.0.0.1", "localhost")
    operation = getting(client, url)
    operation()
    expect(client.cookie_count(), 20)
    return loop(client, meter, operation, 20)


def post_json(make: type[SyncClient], server: ServerInfo, meter: Meter) -> Measurement:
    client = make(server, Options())

    def operation() -> None:
        expect(client.post_json(f"{server.http}/post", DOCUMENT)["ok"], True)

    return loop(client, meter, operation, 30)


def origins(count: int) -> Case:
    """Requests go to `count` origins in turn, to each of which there is an idle connection."""

    def run(make: type[SyncClient], server: ServerInfo, meter: Meter) -> Measurement:
        client = make(server, Options(pool=max(250, count)))
        operations = [getting(client, f"{url}/1k.json") for url in server.origins[:count]]
        for operation in operations * (2 if count > 1 else 50):
            operation()
        done = 0
        with meter.running():
            while meter.goes_on():
                for _ in range(meter.batch):
                    operations[done % count]()
                    done += 1
        expect(open_sockets() >= count, True)
        client.close()
        return meter.measured()

    return run


def download(make: type[SyncClient], server: ServerInfo, meter: Meter) -> Measurement:
    client = make(server, Options())

    def operation() -> None:
        expect(client.download(f"{server.http}/256m.bin"), (200, server.big_bytes))

    return loop(client, meter, operation, 0)


def upload_chunks(make: type[SyncClient], server: ServerInfo, meter: Meter) -> Measurement:
    client = make(server, Options())

    def operation() -> None:
        expect(client.upload_chunks(f"{server.http}/upload", BIG_CHUNKS), 200)

    return loop(client, meter, operation, 0)


def upload_file(make: type[SyncClient], server: ServerInfo, meter: Meter) -> Measurement:
    client = make(server, Options())

    def operation() -> None:
        expect(client.upload_file(f"{server.http}/upload", server.big_file), 200)

    return loop(client, meter, operation, 0)


def gzip_json(make: type[SyncClient], server: ServerInfo, meter: Meter) -> Measurement:
    client = make(server, Options())

    def operation() -> None:
        expect(len(client.get_json(f"{server.http}/big.json")), server.json_rows)

    return loop(client, meter, operation, 3)


def create(make: type[SyncClient], server: ServerInfo, meter: Meter) -> Measurement:
    make.create_default()
    with meter.running():
        while meter.goes_on():
            for _ in range(meter.batch):
                make.create_default()
    return meter.measured()


def first_https(make: type[SyncClient], server: ServerInfo, meter: Meter) -> Measurement:
    """A new client and its first request, over TLS."""

    def operation() -> None:
        client = make(server, Options())
        check(client.get(f"{server.https1}/1k.json"))
        client.close()

    operation()
    with meter.running():
        while meter.goes_on():
            for _ in range(meter.batch):
                operation()
    return meter.measured()
