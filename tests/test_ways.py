"""One test body runs three ways, and each way is what it says."""

from __future__ import annotations

import asyncio
import typing

import pytest
import trio

import httpcore
from httpcore.driver import SuspendedInSyncCode
from tests import ways
from tests.conftest import MakeClient
from tests.servers.raw import RawServer, chunked_response, response
from tests.servers.uvicorn_server import UvicornServer


def running_library() -> str:
    for name, look in (
        ("asyncio", asyncio.get_running_loop),
        ("trio", trio.lowlevel.current_trio_token),
    ):
        try:
            look()
        except RuntimeError:
            continue
        return name
    return "sync"


async def test_runs_on_what_its_name_says(request: pytest.FixtureRequest) -> None:
    """A test that asks for nothing runs three ways all the same."""
    node = typing.cast("pytest.Function", request.node)
    assert node.callspec.params["way"] == running_library()


@pytest.mark.ways("trio")
async def test_marker_chooses_ways(way: str) -> None:
    """A marked test runs only the ways that it names."""
    assert (way, running_library()) == ("trio", "trio")


async def test_backend_belongs_to_the_way(way: str, backend: httpcore.ConcurrencyBackend) -> None:
    """The backend waits by the library that runs."""
    assert type(backend).__name__.lower() == f"{way}backend"
    await backend.sleep(0.001)


async def test_client_is_awaited_everywhere(
    make_client: MakeClient, app_server: UvicornServer
) -> None:
    """Requests, plain attributes and settings work the same in all ways."""
    client = make_client(headers={"X-A": "1"})
    answer = await client.post(f"{app_server.url}/echo", content=b"sent")
    assert (answer.status_code, answer.json()["text"]) == (200, "sent")
    assert ["x-a", "1"] in answer.json()["headers"]
    client.headers["X-A"] = "2"
    assert (await client.get(f"{app_server.url}/headers")).json()["x-a"] == "2"
    assert await answer.read() == answer.content
    assert repr(answer).endswith("Response(200, 'OK')>")


async def test_responses_are_streamed_everywhere(make_client: MakeClient) -> None:
    """Pieces, lines, context managers and redirects by hand."""
    replies = [
        chunked_response([b"one\ntw", b"o\n"]),
        chunked_response([b"one\ntw", b"o\n"]),
        response(status="302 Found", headers=[("Location", "/next")]),
        response(b"there"),
    ]
    with RawServer.replies(replies) as server:
        client = make_client()
        async with await client.get(server.url, stream=True) as answer:
            assert b"".join([piece async for piece in answer.stream()]) == b"one\ntwo\n"
        answer = await client.get(server.url, stream=True)
        assert [line async for line in answer.lines()] == ["one", "two"]
        answer = await client.get(server.url, allow_redirects=False)
        answer.encoding = "ascii"
        assert (answer.is_redirect, answer.encoding) == (True, "ascii")
        assert (await answer.next()).text == "there"
    assert server.requests[-1].target == "/next"


async def test_pieces_can_be_given_up_everywhere(make_client: MakeClient) -> None:
    """An iterator that is closed early ends there."""
    with RawServer.replies([response(b"x" * 100_000)]) as server:
        answer = await make_client().get(server.url, stream=True)
        pieces = answer.stream()
        assert (await anext(pieces)).startswith(b"x")
        await pieces.aclose()  # type: ignore[attr-defined]
        await answer.close()


async def test_clients_are_closed_by_their_blocks_too(
    make_client: MakeClient, app_server: UvicornServer
) -> None:
    """`async with` closes a client in every way."""
    async with make_client() as client:
        await client.get(app_server.url)
    with pytest.raises(RuntimeError):
        await client.get(app_server.url)


async def test_what_the_test_leaves_is_closed(to_close: list[typing.Any]) -> None:
    """`close()` is awaited in the same run, last in first out."""
    closed: list[str] = []

    class Resource:
        def __init__(self, name: str) -> None:
            self.name = name

        async def close(self) -> None:
            closed.append(running_library())
            if self.name == "first":
                assert closed == [running_library()] * 2

    to_close += [Resource("first"), Resource("second")]


def test_what_asyncio_only_logs_fails() -> None:
    """An error in a callback is the test's error."""

    async def main() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(0)

    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        ways.run("asyncio", main)


@pytest.mark.ways("sync")
async def test_suspending_in_sync_fails(way: str) -> None:
    """A body that awaits an event loop cannot pass in the sync way."""
    with pytest.raises(SuspendedInSyncCode):
        ways.run(way, lambda: asyncio.sleep(0))
