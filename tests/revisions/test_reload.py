"""gateway.revisions.reload: what holds after files were read again, and when they are watched."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, cycle, repeat
from pathlib import Path
from typing import cast

import pytest

from gateway.config import Config
from gateway.revisions.load import ConfigFiles
from gateway.revisions.reload import Reloader
from gateway.telemetry.events import ConfigReloaded, Event, EventBus
from tests.config.samples import CAPABILITIES, POLICY, replaced

OTHER = replaced(POLICY, "Be brief.", "Be thorough.")
BROKEN = replaced(POLICY, "claude/big", "claude/gone")


def write(directory: Path, policy: str, capabilities: str = CAPABILITIES) -> ConfigFiles:
    (directory / "persona_policy.yaml").write_text(policy, "utf-8")
    (directory / "capabilities.yaml").write_text(capabilities, "utf-8")
    return ConfigFiles(directory, {"CLAUDE_KEY": "key-canary"})


def prompt(config: Config) -> str | None:
    return config.personas["helper"].system_prompt


def reloader_of(
    files: ConfigFiles, *adopters: Callable[[Config], None]
) -> tuple[Reloader, list[Event]]:
    events: list[Event] = []
    return Reloader(files.load(), files, EventBus([events.append]), adopters), events


async def test_a_change_holds_and_is_told(tmp_path: Path) -> None:
    adopted: list[Config] = []
    reloader, events = reloader_of(write(tmp_path, POLICY), adopted.append)
    before = reloader.config
    write(tmp_path, OTHER)
    done = await reloader.reload("request")
    assert (done.ok, done.changed, done.previous, done.revision) == (
        True,
        True,
        before.revision,
        reloader.config.revision,
    )
    assert prompt(reloader.config) == "Be thorough."
    assert prompt(before) == "Be brief."
    assert adopted == [reloader.config]
    assert events == [ConfigReloaded("request", "changed", done.revision, before.revision, 0)]


async def test_files_that_say_the_same_change_nothing(tmp_path: Path) -> None:
    adopted: list[Config] = []
    reloader, _ = reloader_of(write(tmp_path, POLICY), adopted.append)
    before, loaded_at = reloader.config, reloader.loaded_at
    done = await reloader.reload("request")
    assert (done.ok, done.changed, done.result) == (True, False, "unchanged")
    assert reloader.config is before
    assert reloader.loaded_at == loaded_at
    assert adopted == []


async def test_a_broken_file_keeps_the_last_good_revision_until_it_is_mended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reloader, events = reloader_of(write(tmp_path, POLICY))
    before = reloader.config
    write(tmp_path, BROKEN)
    failed = await reloader.reload("SIGHUP")
    assert (failed.ok, failed.changed, failed.revision) == (False, False, before.revision)
    assert reloader.config is before
    assert reloader.last is failed
    (problem,) = failed.problems
    assert (problem.file, problem.line, problem.path) == (
        "persona_policy.yaml",
        15,
        "personas.helper.targets[0]",
    )
    assert str(problem) in caplog.text
    assert "key-canary" not in caplog.text
    write(tmp_path, OTHER)
    mended = await reloader.reload("SIGHUP")
    assert mended.ok
    assert prompt(reloader.config) == "Be thorough."
    assert [event.result for event in events if isinstance(event, ConfigReloaded)] == [
        "failed",
        "changed",
    ]


async def test_a_missing_file_keeps_the_last_good_revision(tmp_path: Path) -> None:
    reloader, _ = reloader_of(write(tmp_path, POLICY))
    (tmp_path / "capabilities.yaml").unlink()
    done = await reloader.reload("request")
    assert [problem.file for problem in done.problems] == ["capabilities.yaml"]
    assert prompt(reloader.config) == "Be brief."


async def test_a_storm_of_signals_is_a_few_reloads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first at once, the others soon, and the last of them after all were sent: what the files
    say then holds.
    """
    monkeypatch.setattr("gateway.revisions.reload.BETWEEN", 0.05)
    reloader, events = reloader_of(write(tmp_path, POLICY))
    async with reloader.running():
        for _ in range(500):
            reloader.ask("SIGHUP")
            await asyncio.sleep(0)
        write(tmp_path, OTHER)
        reloader.ask("SIGHUP")
        await asyncio.sleep(0.4)
    results = [event.result for event in events if isinstance(event, ConfigReloaded)]
    assert 2 <= len(results) <= 4
    assert prompt(reloader.config) == "Be thorough."


async def test_many_at_once_are_done_one_after_another(tmp_path: Path) -> None:
    """Each reads after it was asked for: none answers with what was read before."""
    reloader, _ = reloader_of(write(tmp_path, POLICY))
    write(tmp_path, OTHER)
    done = await asyncio.gather(*(reloader.reload("request") for _ in range(10)))
    assert [reload.changed for reload in done] == [True] + [False] * 9
    assert {reload.revision for reload in done} == {reloader.config.revision}


async def test_what_the_server_was_built_with_waits_for_a_restart(tmp_path: Path) -> None:
    reloader, _ = reloader_of(write(tmp_path, POLICY))
    write(
        tmp_path,
        replaced(
            POLICY,
            "body_timeout: 30",
            "body_timeout: 7\n  max_body_bytes: 1000\n  media_fetch: {timeout: 1}",
        ),
    )
    done = await reloader.reload("request")
    assert done.needs_restart == ("server.max_body_bytes", "server.media_fetch")
    assert (await reloader.reload("request")).needs_restart == done.needs_restart
    assert reloader.config.server.body_timeout == 7
    write(tmp_path, POLICY)
    assert (await reloader.reload("request")).needs_restart == ()


async def test_the_simulator_goes_on_serving(tmp_path: Path) -> None:
    urls = {
        "claude": "http://127.0.0.1:1/claude",
        "openai": "http://127.0.0.1:1/openai/v1",
        "gemini": "http://127.0.0.1:1/gemini",
    }
    write(tmp_path, POLICY)
    reloader, _ = reloader_of(ConfigFiles(tmp_path, {}, urls))
    write(tmp_path, OTHER)
    assert (await reloader.reload("request")).changed
    assert {provider.base_url for provider in reloader.config.providers.values()} == {
        urls["claude"],
        urls["openai"],
    }
    assert all(provider.available for provider in reloader.config.providers.values())


WATCHING = replaced(POLICY, "body_timeout: 30", "watch: 0.01")


class Scripted:
    """Files whose revision at each look is given. `looked` is set after ten looks, `read` when they
    were read.
    """

    def __init__(self, config: Config, looks: Iterator[str]) -> None:
        self.config = config
        self.seen: list[str] = []
        self.reads: list[str] = []
        self.looked = threading.Event()
        self.read = threading.Event()
        self._looks = looks

    def revision(self) -> str:
        self.seen.append(next(self._looks))
        if len(self.seen) >= 10:
            self.looked.set()
        return self.seen[-1]

    def load(self) -> Config:
        self.reads.append(self.seen[-1])
        self.read.set()
        return replace(self.config, revision=self.seen[-1])


@pytest.mark.parametrize(
    "looks", ["=", "ab", "a=", "abc=", "aba="], ids=lambda looks: f"{looks} for ever"
)
async def test_the_watch_does_not_read_what_moves_or_is_as_before(
    tmp_path: Path, looks: str
) -> None:
    config = write(tmp_path, WATCHING).load()
    scripted = Scripted(config, cycle(look.replace("=", config.revision) for look in looks))
    async with (
        Reloader(config, cast("ConfigFiles", scripted), EventBus()).running(),
        asyncio.timeout(10),
    ):
        await asyncio.to_thread(scripted.looked.wait)
    assert scripted.reads == []


@pytest.mark.parametrize(("looks", "last"), [("", "a"), ("=", "a"), ("abc", "d"), ("a=b=", "c")])
async def test_the_watch_reads_once_what_has_been_stable_for_one_interval(
    tmp_path: Path, looks: str, last: str
) -> None:
    config = write(tmp_path, WATCHING).load()
    scripted = Scripted(
        config, chain((look.replace("=", config.revision) for look in looks), repeat(last))
    )
    reloader = Reloader(config, cast("ConfigFiles", scripted), EventBus())
    async with reloader.running(), asyncio.timeout(10):
        await asyncio.to_thread(scripted.read.wait)
        await asyncio.to_thread(scripted.looked.wait)
    assert scripted.reads == [last]
    assert reloader.config.revision == last


class Told:
    """A listener whose reloads can be waited for."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Event] = asyncio.Queue()
        self.bus = EventBus([self._queue.put_nowait])

    async def result(self) -> str:
        async with asyncio.timeout(20):
            event = await self._queue.get()
        assert isinstance(event, ConfigReloaded)
        assert event.trigger == "watch"
        return event.result


def put(path: Path, text: str) -> None:
    """Write by renaming, as careful editors do."""
    draft = path.with_name("draft")
    draft.write_text(text, "utf-8")
    draft.rename(path)


async def test_the_watch_sees_an_atomic_rename(tmp_path: Path) -> None:
    files, told = write(tmp_path, WATCHING), Told()
    async with Reloader(files.load(), files, told.bus).running() as reloader:
        put(tmp_path / "persona_policy.yaml", replaced(WATCHING, "Be brief.", "Be thorough."))
        assert await told.result() == "changed"
        assert prompt(reloader.config) == "Be thorough."


async def test_the_watch_sees_a_mounted_directory_swap_its_link(tmp_path: Path) -> None:
    """As a Kubernetes ConfigMap does: the files are links through `..data`, which is replaced by
    one rename.
    """
    for name, text in (("v1", "Be brief."), ("v2", "Be equal!")):
        (tmp_path / name).mkdir()
        write(tmp_path / name, replaced(WATCHING, "Be brief.", text))
        for file in (tmp_path / name).iterdir():
            os.utime(file, (1, 1))  # the same size and time: only the content tells
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    (mounted / "..data").symlink_to("../v1")
    for link in ("persona_policy.yaml", "capabilities.yaml"):
        (mounted / link).symlink_to(f"..data/{link}")
    files, told = ConfigFiles(mounted, {}), Told()
    async with Reloader(files.load(), files, told.bus).running() as reloader:
        (mounted / "..data_tmp").symlink_to("../v2")
        (mounted / "..data_tmp").rename(mounted / "..data")
        assert await told.result() == "changed"
        assert prompt(reloader.config) == "Be equal!"


async def test_the_watch_tells_of_a_broken_file_and_of_its_mending(tmp_path: Path) -> None:
    files, told = write(tmp_path, WATCHING), Told()
    policy = tmp_path / "persona_policy.yaml"
    async with Reloader(files.load(), files, told.bus).running() as reloader:
        put(policy, "version: [")
        assert await told.result() == "failed"
        put(policy, replaced(WATCHING, "claude/big", "claude/gone"))
        assert await told.result() == "failed"
        put(policy, WATCHING)
        assert await told.result() == "unchanged"
        assert reloader.last is not None
        assert reloader.last.ok


async def test_a_reload_turns_the_watch_on_and_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.revisions.reload.UNWATCHED", 0.01)
    off = replaced(POLICY, "body_timeout: 30", "watch: 0")
    config = write(tmp_path, off).load()
    unseen = Scripted(config, repeat("a"))
    async with Reloader(config, cast("ConfigFiles", unseen), EventBus()).running():
        for _ in range(10):
            await asyncio.sleep(0.01)
    assert unseen.seen == []
    files, told = ConfigFiles(tmp_path, {}), Told()
    async with Reloader(config, files, told.bus).running() as reloader:
        write(tmp_path, WATCHING)
        reloader.ask("watch")
        assert await told.result() == "changed"
        put(tmp_path / "persona_policy.yaml", replaced(WATCHING, "Be brief.", "Be thorough."))
        assert await told.result() == "changed"
        assert prompt(reloader.config) == "Be thorough."
