"""A key that is revoked `--now`: what runs for it ends, wherever it runs."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.admission import administration
from gateway.store import keys
from gateway.store.engine import open_store
from gateway.store.limits_rows import Author
from gateway.telemetry.events import RequestEnded
from tests.api.limited import ADMIN, Limited, limited
from tests.fakes import SSE_HEAD, Hang, openai_chunk

BEGUN = [SSE_HEAD, openai_chunk({"content": "begun"}), Hang()]
NO_LIMIT = "store: {}"


async def streamed(gateway: Limited, key: str) -> tuple[bytes, "asyncio.Task[bytes]"]:
    """The beginning of a stream that would not end, and the rest of it."""

    async def rest() -> bytes:
        async with answer:
            return await answer.content.read()

    body = {"model": "p", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    url = f"{gateway.running.url}/v1/chat/completions"
    headers = {"authorization": f"Bearer {key}"}
    answer = await gateway.session.post(url, json=body, headers=headers)
    return await answer.content.readuntil(b"\n\n"), asyncio.ensure_future(rest())


def ended(gateway: Limited) -> list[tuple[str, str | None]]:
    return [
        (event.outcome, event.error_code)
        for event in gateway.running.events
        if isinstance(event, RequestEnded) and event.stream
    ]


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_its_streams_end_with_the_error_event_and_no_others(
    tmp_path: Path, elsewhere: bool
) -> None:
    """Also where another process has revoked it."""
    async with limited(tmp_path, NO_LIMIT, BEGUN) as gateway:
        (leaked, key), (_, other) = await gateway.new_key(), await gateway.new_key()
        (begun, rest), (_, going_on) = await streamed(gateway, key), await streamed(gateway, other)
        assert b"begun" in begun
        if elsewhere:
            await asyncio.to_thread(revoke, tmp_path, leaked)
        else:
            done = await gateway.ask(
                f"/api/v1/keys/{leaked}?now=true", headers=ADMIN, method="DELETE"
            )
            assert (done.status, done.body["state"]) == (200, "revoked")
        last = await asyncio.wait_for(rest, 5)
        assert b"This API key was revoked: the answer was cut." in last
        assert b"[DONE]" not in last
        assert ended(gateway) == [("not_authorized", "key_revoked")]
        assert not going_on.done()
        assert (await gateway.chat(key=key)).status == 401
        going_on.cancel()
        await asyncio.gather(going_on, return_exceptions=True)


def revoke(directory: Path, key_id: str) -> None:
    database = open_store("sqlite:", directory)
    now, author = int(keys.find(database, key_id).created_at), Author("somebody")  # type: ignore[union-attr]
    administration.set_state(database, key_id, "revoke", now, author, cut=True)
    database.close()


async def test_a_stream_goes_on_where_its_key_is_only_revoked(tmp_path: Path) -> None:
    async with limited(tmp_path, NO_LIMIT, BEGUN) as gateway:
        key_id, key = await gateway.new_key()
        _, rest = await streamed(gateway, key)
        path: Any = f"/api/v1/keys/{key_id}"
        assert (await gateway.ask(path, headers=ADMIN, method="DELETE")).status == 200
        await asyncio.sleep(1.2)
        assert not rest.done()
        rest.cancel()
        await asyncio.gather(rest, return_exceptions=True)
        wrong = await gateway.ask(f"{path}?now=1", headers=ADMIN, method="DELETE")
        assert (wrong.status, wrong.body["error"]["param"]) == (400, "now")
