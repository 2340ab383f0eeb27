"""Hundreds of tasks and threads against servers that misbehave at random.

    scripts/soak/run [--seconds 60] [--tasks 200] [--threads 50] [--seed 1]

Half of the time goes to threads on one `Client`, half to tasks on one `AsyncClient`, some of
which are cancelled.  Behind it: no limit was exceeded, no descriptor, task, thread or memory was
left behind, each good request was answered with exactly its own body, nothing broken was taken for
good, and total deadlines were held.
"""

from __future__ import annotations

import argparse
import asyncio
import collections.abc
import contextlib
import functools
import gc
import itertools
import pathlib
import random
import sys
import tempfile
import threading
import time
import typing

import httpcore
from tests.servers.certs import Certs
from tests.servers.process import ServerProcess

from .checks import PERIOD, Findings, Watch, memory_mib, open_files
from .moods import BAD, GOOD, SLOW, body_of

HARD_LIMIT = 60
# For what has to succeed: hundreds of requests share a few connections and two cores.
PATIENCE_SECONDS = 30.0
CANCELLED_SHARE = 0.1

_numbers = itertools.count(1)


class Order(typing.NamedTuple):
    """One request, and what may come of it."""

    mood: str
    url: str
    upload: bytes | None
    expected: bytes
    total_timeout: float
    stream: bool
    must_succeed: bool


class Servers:
    """The misbehaving servers; `order()` makes a request to one of them."""

    def __init__(self, certs: Certs, seed: int, stack: contextlib.ExitStack) -> None:
        cert = certs.server
        started: list[tuple[str, list[str]]] = [
            ("http", ["scripts.soak.http11_server", str(seed)]),
            ("https", ["scripts.soak.http11_server", str(seed), cert.cert, cert.key]),
            ("https", ["scripts.soak.http2_server", str(seed), cert.cert, cert.key]),
            ("https", ["scripts.soak.http2_server", str(seed), cert.cert, cert.key, "rough"]),
        ]
        self._urls = [
            stack.enter_context(ServerProcess(*command, scheme=scheme)).url
            for scheme, command in started
        ]
        self._rough = self._urls[-1]

    def order(self, dice: random.Random) -> Order:
        number = next(_numbers)
        mood = dice.choice(GOOD if dice.random() < 0.7 else (*BAD, *SLOW))
        size = dice.choice((0, 100, 5_000, 200_000))
        url = dice.choice(self._urls)
        expected = body_of(number, size)
        upload = expected if expected and dice.random() < 0.2 else None
        return Order(
            mood,
            f"{url}/{mood}/{number}/{size}",
            upload,
            expected,
            PATIENCE_SECONDS if mood in GOOD else dice.uniform(0.2, 1.5),
            dice.random() < 0.3,
            # What is not idempotent is not sent twice, when a server is tired of a connection.
            must_succeed=upload is None and url != self._rough,
        )


def options_of(order: Order) -> dict[str, typing.Any]:
    options: dict[str, typing.Any] = {
        "timeout": httpcore.TimeoutConfig(None, total_timeout=order.total_timeout),
        "stream": order.stream,
    }
    if order.upload is not None:
        options["content"] = order.upload
    return options


@contextlib.contextmanager
def judged(findings: Findings, order: Order) -> collections.abc.Iterator[None]:
    """Around one request: what came of it, and when."""
    began = time.monotonic()
    try:
        yield
    except Exception as exc:
        findings.note_error(order.mood, order.url, exc, order.must_succeed)
    findings.note_overrun(time.monotonic() - began - order.total_timeout)


# Threads.


def run_threads(options: argparse.Namespace, servers: Servers, ca: str) -> Findings:
    findings = Findings()
    ends_at = time.monotonic() + options.seconds / 2
    limits = httpcore.PoolLimits(hard_limit=HARD_LIMIT)
    with httpcore.Client(ssl=ca, pool_limits=limits, trust_env=False) as client:
        use = functools.partial(use_client, client, servers, findings, ends_at)
        seeds = range(options.seed, options.seed + options.threads)
        threads = [threading.Thread(target=use, args=[random.Random(seed)]) for seed in seeds]
        with watching(findings, client.dispatch, options.seconds / 6):
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    return findings


def use_client(
    client: httpcore.Client,
    servers: Servers,
    findings: Findings,
    ends_at: float,
    dice: random.Random,
) -> None:
    while time.monotonic() < ends_at:
        order = servers.order(dice)
        with judged(findings, order):
            verb = client.get if order.upload is None else client.post
            response = verb(order.url, **options_of(order))
            with response:
                body = b"".join(response.stream()) if order.stream else response.content
            findings.note_body(order.mood, order.url, body == order.expected)


# Tasks.


async def run_tasks(options: argparse.Namespace, servers: Servers, ca: str) -> Findings:
    findings = Findings()
    ends_at = time.monotonic() + options.seconds / 2
    limits = httpcore.PoolLimits(hard_limit=HARD_LIMIT)
    async with httpcore.AsyncClient(ssl=ca, pool_limits=limits, trust_env=False) as client:
        seeds = range(options.seed, options.seed + options.tasks)
        with watching(findings, client.dispatch, options.seconds / 6):
            await asyncio.gather(
                measure_lag(findings, ends_at),
                *[
                    use_async_client(client, servers, findings, ends_at, random.Random(seed))
                    for seed in seeds
                ],
            )
    # Two turns of the loop, so that what was closed is gone.
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    findings.note_left("tasks", 1, len(asyncio.all_tasks()))
    return findings


async def measure_lag(findings: Findings, ends_at: float) -> None:
    while (asleep_at := time.monotonic()) < ends_at:
        await asyncio.sleep(PERIOD)
        findings.note_lag(time.monotonic() - asleep_at - PERIOD)


async def use_async_client(
    client: httpcore.AsyncClient,
    servers: Servers,
    findings: Findings,
    ends_at: float,
    dice: random.Random,
) -> None:
    while time.monotonic() < ends_at:
        order = servers.order(dice)
        task = asyncio.create_task(one_request(client, findings, order))
        if dice.random() < CANCELLED_SHARE:
            asyncio.get_running_loop().call_later(dice.random() * 0.3, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            findings.outcomes["cancelled"] += 1


async def one_request(client: httpcore.AsyncClient, findings: Findings, order: Order) -> None:
    with judged(findings, order):
        verb = client.get if order.upload is None else client.post
        response = await verb(order.url, **options_of(order))
        async with response:
            if order.stream:
                body = b"".join([piece async for piece in response.stream()])
            else:
                body = response.content
        findings.note_body(order.mood, order.url, body == order.expected)


# Both.


@contextlib.contextmanager
def watching(
    findings: Findings, dispatch: httpcore.Dispatcher, warm_up: float
) -> collections.abc.Iterator[None]:
    """Looks at the pool meanwhile, and whether it is whole behind it."""
    pool = typing.cast("httpcore.ConnectionPool", dispatch)
    watch = Watch(findings, pool, HARD_LIMIT, warm_up)
    watch.start()
    try:
        yield
    finally:
        watch.end()
    findings.note_left("active connections", 0, len(pool.active_connections))
    findings.note_memory(memory_mib() - watch.memory_mib)


def soak(name: str, run: collections.abc.Callable[[], Findings]) -> bool:
    """Run one half, print its report, and return whether nothing was found."""
    files, threads = open_files(), threading.active_count()
    began = time.monotonic()
    findings = run()
    took = time.monotonic() - began
    findings.judge_deadlines()
    gc.collect()
    time.sleep(1.5)  # what blocks has threads of its own, which end after a second without work
    findings.note_left("file descriptors", files, open_files())
    findings.note_left("threads", threads, threading.active_count())
    count = sum(findings.outcomes.values())
    print(
        f"{name}: {count} requests in {took:.0f} s over at most {findings.most_connections} of "
        f"{HARD_LIMIT} connections\n"
        f"  grown by {findings.growth_mib:.1f} MiB after the first third\n"
        f"  deadlines noticed {findings.worst_overrun * 1000:.0f} ms late, where everything "
        f"was up to {findings.worst_lag * 1000:.0f} ms late"
    )
    for outcome, times in sorted(findings.outcomes.items()):
        print(f"    {times:6} {outcome}")
    for violation in sorted(findings.violations, key=len, reverse=True)[:20]:
        print(f"  VIOLATION {violation}")
    print(f"  {len(findings.violations)} violations")
    return not findings.violations


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/soak/run")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--tasks", type=int, default=200)
    parser.add_argument("--threads", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        certs = Certs(folder)
        servers = Servers(certs, options.seed, stack)
        run_tasks_here = functools.partial(run_tasks, options, servers, certs.ca)
        good = [
            soak("threads", functools.partial(run_threads, options, servers, certs.ca)),
            soak("tasks", lambda: asyncio.run(run_tasks_here())),
        ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
