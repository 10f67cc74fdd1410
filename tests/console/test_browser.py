"""The console in a real Chromium, section by section.

NOT CHECKED, and said so, where there is no Playwright or no Chromium; axe's rules likewise where
`AXE_CORE` does not name its axe.min.js (npm's package axe-core).
"""

import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.console.gateways import ADMIN_KEY, World, console

playwright = pytest.importorskip(
    "playwright.async_api", reason="NOT CHECKED in a browser: the package playwright is missing"
)
CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
AXE: Final = Path(os.environ["AXE_CORE"]).read_text("utf-8") if "AXE_CORE" in os.environ else ""
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="NOT CHECKED in a browser: there is no chromium"),
    pytest.mark.timeout(120),
]
KEYS: Final = {"LLM_ROUTER_API_KEYS": "callers-key"}
LIMITS: Final = """
teams: {blue: {limits: [{on: usd, per: day, amount: 2}]}}
limits: [{on: tokens, per: day, amount: 9000000}]
"""


@asynccontextmanager
async def page_of(
    world: World, width: int = 1280, scheme: str = "light", *, asks: Sequence[str] = ()
) -> AsyncIterator[Any]:
    """The console's page. Whatever it asks of others, logs as an error or fails to do, fails the
    test. `asks`: how each question begins that it is to ask its reader, who says yes."""
    faults: list[str] = []
    questions = list(asks)

    async def answered(dialog: Any) -> None:
        if not questions or not dialog.message.startswith(questions.pop(0)):
            faults.append(f"a dialog: {dialog.message}")
        await dialog.accept()

    async with playwright.async_playwright() as started:
        browser = await started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda m: m.type == "error" and faults.append(m.text))
        page.on(
            "request",
            lambda r: r.url.startswith((world.running.url, "data:")) or faults.append(r.url),
        )
        page.on("dialog", answered)
        page.set_default_timeout(15_000)
        yield page
        await browser.close()
    # of an answer that is no good one the browser tells by itself
    assert [fault for fault in faults if not fault.startswith("Failed to load resource")] == []
    assert questions == []


async def opened(page: Any, world: World) -> None:
    await page.goto(f"{world.running.url}/console")
    await page.wait_for_selector("#people article")


async def test_a_newcomer_sends_a_request_breaks_a_provider_and_sees_the_failover() -> None:
    async with console(opened=True) as world, page_of(world) as page:
        await page.goto(world.running.url)
        assert page.url == f"{world.running.url}/console"
        await page.wait_for_selector("#welcome")
        await page.select_option("#persona", "first")
        await page.click("#plan")
        await page.wait_for_selector("#result li")
        assert await page.locator("#result li .chip").all_inner_texts() == [
            "asked first",
            "stands by",
        ]
        await page.click("#send")
        await page.wait_for_selector("#result .fall")
        assert await page.inner_text("#result .answer") == "You said: Say hello in five languages."
        assert "openai/gpt-4.1" in await page.inner_text("#result p >> nth=0")
        await page.select_option("#faults [data-dialect=openai]", "error 503")
        assert "error 503 on openai" in await page.text_content("#curl")
        await page.click("#send")
        await page.wait_for_selector("#result .fall li >> nth=1")
        assert "claude/claude-sonnet-5" in await page.inner_text("#result p >> nth=0")
        await page.click("#result button")
        await page.wait_for_selector("td.open .fall")
        told = await page.inner_text("td.open")
        assert "overloaded" in told
        assert "failover: the next target" in told
        assert "asked first" in told


async def test_a_request_that_fails_is_told_with_its_reason() -> None:
    async with console(opened=True) as world, page_of(world) as page:
        await opened(page, world)
        await page.select_option("#persona", "img_src")
        await page.select_option("#faults [data-dialect=gemini]", "error 429 retry-after 20")
        await page.uncheck("#stream")
        await page.click("#send")
        await page.wait_for_selector("#result .chip.bad")
        assert "failed" in await page.inner_text("#result")


async def test_now_shows_what_was_counted() -> None:
    async with console(opened=True) as world, page_of(world) as page:
        for number in range(4):
            await world.chat(f"hi {number}")
        await world.chat("[[sim: error 500]]")
        await opened(page, world)
        tiles = await page.locator("#tiles > div").all_inner_texts()
        assert "Errors\n20 %" in tiles
        assert await page.locator(".chart canvas").count() == 2
        assert "one process" in await page.inner_text("#system")


async def test_decisions_come_live_and_are_filtered() -> None:
    async with console(opened=True) as world, page_of(world) as page:
        await opened(page, world)
        assert await page.is_visible("#none")
        await world.chat("hi")
        await world.chat("hi [[sim: fail openai]]")
        await world.chat("hi [[sim: error 400]]", model="img_src")
        await page.wait_for_selector("#rows tbody tr >> nth=2")
        assert await page.inner_text("#live") == "live"
        for field, value, rows in (
            ("#f-outcome", "failed", 1),
            ("#f-outcome", "moved", 1),
            ("#f-outcome", "ok", 2),
            ("#f-outcome", "", 3),
            ("#f-persona", "img_src", 1),
        ):
            await page.select_option(field, value)
            assert await page.locator("#rows tbody tr").count() == rows, value
        await page.fill("#f-key", "beef")
        assert "No decision fits" in await page.inner_text("#none")


async def test_many_decisions_stand_in_order_and_the_focus_stays_where_it_is() -> None:
    """They are laid out in parts of 25."""
    async with console(opened=True) as world, page_of(world) as page:
        await opened(page, world)
        for number in range(60):
            await world.chat(f"hi {number}")
        await page.wait_for_selector("#rows tbody tr >> nth=59")
        await page.focus("#rows tbody tr >> nth=30 >> button")
        focused = await page.evaluate("document.activeElement.dataset.id")
        await world.chat("one more")
        await page.wait_for_selector("#rows tbody tr >> nth=60")
        shown = await page.evaluate(
            "[...$('rows').querySelectorAll('button')].map(b => b.dataset.id)"
        )
        async with world.http.get("/console/api/v1/decisions") as answer:
            newest = [decision["id"] for decision in (await answer.json())["decisions"]]
        assert shown == newest
        assert await page.evaluate("document.activeElement.dataset.id") == focused
        sizes = await page.evaluate("[...$('rows').tBodies].map(part => part.rows.length)")
        assert sizes == [11, 25, 25]
        await page.select_option("#f-outcome", "failed")
        assert await page.locator("#rows tbody").count() == 0


async def test_personas_show_their_targets_and_what_was_set_aside() -> None:
    async with console(opened=True) as world, page_of(world) as page:
        for number in range(12):
            await world.chat(f"hi {number} [[sim: fail openai]]")
        await opened(page, world)
        told = await page.inner_text("#people article >> nth=0")
        assert "set aside" in told
        assert "claude/claude-sonnet-5" in told
        for _ in range(5):  # what is drawn anew between press and release takes a click away
            await page.click("#people summary >> nth=0")
            if await page.locator("#people details[open]").count():
                break
        assert "order of targets: priority" in await page.inner_text("#people article >> nth=0")


async def test_settings_name_this_host_and_can_be_copied() -> None:
    async with console(opened=True) as world, page_of(world) as page:
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await opened(page, world)
        await page.select_option("#c-persona", "first")
        names = await page.locator("#setups h3").all_inner_texts()
        assert len(names) == 6
        await page.click("#setups button >> nth=0")
        await page.wait_for_selector("text=Copied")
        copied = await page.evaluate("navigator.clipboard.readText()")
        assert f"curl {world.running.url}/v1/chat/completions" in copied
        assert '"model":"first"' in copied


async def test_texts_full_of_markup_stay_texts() -> None:
    """A persona's description is one; every text takes the same way into the page."""
    async with console(opened=True) as world, page_of(world) as page:
        await opened(page, world)
        assert "<b>bold</b>" in await page.inner_text("#people")
        await page.fill("#message", "<img src=x onerror=alert(1)><script>alert(2)</script>")
        await page.click("#send")
        await page.wait_for_selector("#result .fall")
        assert "<img src=x onerror=alert(1)>" in await page.inner_text("#result .answer")
        assert await page.locator("#console img, #console script").count() == 0


async def test_the_door_opens_by_the_admin_key_and_closes() -> None:
    async with console("{enabled: true}", keys=KEYS) as world, page_of(world) as page:
        await page.goto(f"{world.running.url}/console")
        await page.fill("#key", "wrong")
        await page.press("#key", "Enter")
        await page.wait_for_selector("#refused:not(:empty)")
        assert await page.is_hidden("#console")
        await page.fill("#key", ADMIN_KEY)
        await page.press("#key", "Enter")
        await page.wait_for_selector("#people article")
        assert await page.is_hidden("#welcome")
        assert await page.is_hidden("#break")
        assert "YOUR_KEY" in await page.inner_text("#setups")
        await page.click("#send")
        await page.wait_for_selector("#result .fall")
        await page.reload()
        await page.wait_for_selector("#people article")
        assert await page.evaluate("document.cookie") == ""
        await page.click("#logout")
        await page.reload()
        await page.wait_for_selector("#login:not([hidden])")


async def logged_in(page: Any, world: World) -> None:
    await page.goto(f"{world.running.url}/console")
    await page.fill("#key", ADMIN_KEY)
    await page.press("#key", "Enter")
    await page.wait_for_selector("#people article")


async def test_a_key_is_made_shown_once_and_used_rotated_and_revoked(tmp_path: Path) -> None:
    asks = ("Rotate the key of ann", "Disable the key of ann", "Revoke the key of ann")
    async with (
        console("{enabled: true}", limits=LIMITS, state=tmp_path) as world,
        page_of(world, asks=asks) as page,
    ):
        await logged_in(page, world)
        await page.wait_for_selector("#keys-shown:not([hidden])")
        assert await page.inner_text("#k-rows") == "There is no key yet."
        await page.click("#keys summary")
        assert await page.is_visible("#k-closes")
        await page.fill("#k-name", "ann")
        await page.fill("#k-team", "green")
        await page.press("#k-name", "Enter")
        await page.wait_for_selector("#k-refused:not(:empty)")
        assert "unknown team 'green'" in await page.inner_text("#k-refused")
        await page.fill("#k-team", "blue")
        await page.select_option("#k-personas", ["first"])
        await page.fill("#k-usd", "0.5")
        await page.select_option("#k-expires", "7d")
        await page.press("#k-name", "Enter")
        await page.wait_for_selector("#k-made pre")
        secret = await page.inner_text("#k-made pre")
        bearer = {"authorization": f"Bearer {secret}"}
        assert [await world.chat("hi"), await world.chat("hi", headers=bearer)] == [401, 200]
        row = await page.inner_text("#k-rows tbody tr")
        assert [
            part for part in ("ann", "active", "blue", "first", "0.50 USD a day") if part not in row
        ] == []
        assert "YOUR_KEY" in await page.inner_text("#setups")
        await page.click("#k-rows button >> text=Rotate")
        await page.wait_for_function("old => !$('k-made').innerText.includes(old)", arg=secret)
        rotated = {"authorization": f"Bearer {await page.inner_text('#k-made pre')}"}
        for headers in (rotated, bearer):
            assert await world.chat("hi", headers=headers) == 200
        await page.click("#k-rows button >> text=Disable")
        await page.click("#k-rows button >> text=Enable")
        await page.wait_for_selector("#k-rows button >> text=Disable")
        assert await world.chat("hi", headers=rotated) == 200
        await page.click("#k-rows button >> text=Revoke")
        await page.wait_for_selector("#k-rows .chip.bad")
        assert await page.locator("#k-rows button").count() == 0
        assert await world.chat("hi", headers=rotated) == 401
        await page.reload()
        await page.wait_for_selector("#k-rows .chip.bad")
        assert await page.inner_text("#k-made") == ""


async def test_spend_shows_who_spent_what_and_what_is_left_of_limits(tmp_path: Path) -> None:
    async with (
        console("{enabled: true}", limits=LIMITS, state=tmp_path) as world,
        page_of(world) as page,
    ):
        for model in ("first", "first", "img_src"):
            assert await world.chat("hi", model=model) == 200
        await world.booked()
        await logged_in(page, world)
        await page.wait_for_selector("#s-sums table")
        rows = await page.locator("#s-sums tbody tr").all_inner_texts()
        assert [row.split("\t")[:2] for row in rows] == [
            ["All", "3"],
            ["first", "2"],
            ["img_src", "1"],
        ]
        assert await page.locator("#chart-spend canvas").count() == 1
        for by, told in (
            ("model", "openai/gpt-4.1"),
            ("team", "no team"),
            ("key", "without a key"),
        ):
            await page.select_option("#s-by", by)
            await page.wait_for_selector(f"#s-sums td >> text={told}")
        await page.select_option("#s-days", "1")
        link = await page.get_attribute("#s-csv", "href")
        csv = await page.evaluate("async (link) => (await fetch(link)).text()", link)
        assert csv.startswith("day,key,requests,")
        limit = await page.inner_text("#s-limits tbody tr")
        assert limit.startswith("everything\t9,000,000 tokens a day")
        assert await page.locator("#s-limits meter").count() == 1


async def test_a_limit_is_raised_for_a_while_and_a_key_s_own_is_lowered_for_good(
    tmp_path: Path,
) -> None:
    asks = (
        "Change 9,000,000 tokens a day, of everything?",
        "Change 10,000,000 tokens a day",
        "Change 5.00 USD a day, of key ann?",
        "Change 3.00 USD a day",
    )
    async with (
        console("{enabled: true}", limits=LIMITS, state=tmp_path) as world,
        page_of(world, asks=asks) as page,
    ):
        name = await world.new_key("ann", limits=[{"on": "usd", "per": "day", "amount": 5}])
        await logged_in(page, world)

        async def change(row: str, amount: str, time: str) -> None:
            await page.click(f"#s-limits tr:has-text('{row}') button")
            await page.fill("#l-amount", amount)
            await page.select_option("#l-for", time)
            await page.press("#l-amount", "Enter")

        await page.wait_for_selector("#s-limits button")
        await change("everything", "10000000", "24h")
        await page.wait_for_selector("#s-limits td >> text=10,000,000 tokens a day")
        assert await page.is_hidden("#l-form")
        await change("everything", "9000000", "24h")
        await page.wait_for_selector("#l-refused:not(:empty)")
        assert await page.inner_text("#l-refused") == "by: must be a number above 0"
        assert await page.is_disabled("#l-good")
        await page.select_option("#s-key", name)
        await change("key ann", "3", "")
        await page.wait_for_selector("#s-limits td >> text=3.00 USD a day")
        assert await world.limits_of(name) == [{"on": "usd", "per": "day", "amount": 3}]
        await change("key ann", "4.5", "1h")
        await page.wait_for_selector("#s-limits td >> text=4.50 USD a day")
        assert [(row["action"], row["what"]) for row in await world.audit()] == [
            ("create", f"key/{name}"),
            ("login", "console"),
            ("raise", "limit/all/tokens/day"),
            ("change", f"key/{name}"),
            ("raise", f"limit/key/{name}/usd/day"),
        ]
        await page.click("#k-log summary")
        await page.wait_for_selector("#k-audit tbody tr")
        told = [
            line.split("\t")[1:5]
            for line in await page.locator("#k-audit tbody tr").all_inner_texts()
        ]
        assert told[-1] == ["admin", "127.0.0.1", "create", "key ann"]
        assert [action for _, _, action, _ in told] == [
            "raise",
            "change",
            "raise",
            "login",
            "create",
        ]
        assert '"amount": 3' in await page.locator("#k-audit tbody tr").nth(1).inner_text()


async def test_without_limits_spend_and_keys_say_how_to_begin() -> None:
    async with console("{enabled: true}") as world, page_of(world) as page:
        await logged_in(page, world)
        for part in ("spend", "keys"):
            assert "Nothing is counted yet." in await page.inner_text(f"#{part}-about")
            assert await page.is_hidden(f"#{part}-shown")


async def test_where_everybody_may_look_keys_take_the_admin_key(tmp_path: Path) -> None:
    async with (
        console(opened=True, limits=LIMITS, state=tmp_path) as world,
        page_of(world) as page,
    ):
        await opened(page, world)
        await page.wait_for_selector("#keys-about button")
        assert await page.is_hidden("#keys-shown")
        await page.click("#keys-about button")
        await page.keyboard.type(ADMIN_KEY)
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#keys-shown:not([hidden])")
        await page.click("#logout")
        await page.wait_for_selector("#keys-about button")
        assert await page.is_visible("#people article")


async def test_the_keyboard_is_enough() -> None:
    async with console(opened=True) as world, page_of(world) as page:
        await world.chat("hi")
        await opened(page, world)
        await page.wait_for_selector("#rows button")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.textContent") == "Skip to the content"
        reached = set()
        for _ in range(60):
            await page.keyboard.press("Tab")
            reached.add(
                await page.evaluate("document.activeElement.id || document.activeElement.tagName")
            )
        assert {"persona", "message", "stream", "plan", "send", "f-persona", "pause"} <= reached
        await page.focus("#rows button")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("td.open .fall")
        assert await page.get_attribute("#rows button", "aria-expanded") == "true"
        await page.keyboard.press("Enter")
        assert await page.locator("td.open").count() == 0


@pytest.mark.parametrize("width", [360, 1280, 3840])
async def test_nothing_sticks_out(width: int, tmp_path: Path) -> None:
    async with (
        console("{enabled: true}", limits=LIMITS, state=tmp_path) as world,
        page_of(world, width) as page,
    ):
        await world.chat("hi [[sim: fail openai]]")
        await world.new_key("ann’s rather long name, which does not end soon")
        await logged_in(page, world)
        await page.click("#keys summary")
        await page.click("#rows button")
        await page.wait_for_selector("td.open .fall")
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.skipif(not AXE, reason="NOT CHECKED: AXE_CORE names no axe.min.js")
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious(scheme: str, tmp_path: Path) -> None:
    async with (
        console("{enabled: true}", limits=LIMITS, state=tmp_path) as world,
        page_of(world, scheme=scheme) as page,
    ):
        for text in ("hi", "hi [[sim: fail openai]]", "[[sim: error 500]]"):
            await world.chat(text)
        await world.new_key("ann")
        await world.booked()
        await logged_in(page, world)
        await page.click("#keys summary")
        await page.wait_for_selector("#s-limits meter")
        await page.click("#plan")
        await page.click("#rows button")
        await page.wait_for_selector("td.open .fall")
        await page.evaluate(AXE)
        found = await page.evaluate("axe.run()")
    serious = [
        (v["id"], v["nodes"][0]["html"])
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
    ]
    assert serious == []
