"""What the console costs, measured in a real Chromium against a gateway in a process of its own.

    python -m tests.console.figures [--seconds 60] [--rate 20]

First paint (cold, five times), and the CPU time of the browser's main thread until all is shown;
frames while 1,000 decisions are shown and more come; the memory of a page that is open with
decisions coming; what an open page costs an idle gateway.
"""

import argparse
import asyncio
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
from playwright import async_api

from tests.serving import ROOT, clean_environ

SHOWN: Final = 1000
_FRAMES: Final = """async (seconds) => {
    const frames = [], long = [];
    new PerformanceObserver((list) => long.push(...list.getEntries().map((e) => e.duration)))
        .observe({ type: "longtask" });
    await new Promise((done) => {
        const began = performance.now();
        let last = began;
        const next = (now) => {
            frames.push(now - last);
            last = now;
            if (now - began < seconds * 1000) requestAnimationFrame(next); else done();
        };
        requestAnimationFrame(next);
    });
    return { frames: frames.slice(1), long };
}"""
_PAINT: Final = """async () => {
    await new Promise((done) => setTimeout(done, 300));
    return performance.getEntriesByName("first-contentful-paint")[0].startTime;
}"""


@contextmanager
def gateway() -> Iterator[tuple[str, int]]:
    """Its URL and its process, with the simulator behind it."""
    with socket.socket() as free, tempfile.TemporaryDirectory() as state:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        environ = {**clean_environ(), "LLM_ROUTER_STATE_DIR": state}
        command = [sys.executable, "-m", "gateway", "serve", "--demo", "--port", str(port)]
        with (
            open(os.devnull, "w") as nowhere,
            subprocess.Popen(
                command, cwd=ROOT, env=environ, stdout=nowhere, stderr=nowhere
            ) as process,
        ):
            try:
                yield f"http://127.0.0.1:{port}", process.pid
            finally:
                process.terminate()


@asynccontextmanager
async def coming(url: str, rate: float) -> AsyncIterator[None]:
    """Requests end all the time, `rate` a second."""

    async def ask(http: aiohttp.ClientSession, number: int) -> None:
        text = f"hello {number}{' [[sim: fail openai]]' if number % 5 == 0 else ''}"
        body = {"model": "chatbot", "messages": [{"role": "user", "content": text}]}
        async with http.post("/v1/chat/completions", json=body) as answer:
            await answer.read()

    async def go_on() -> None:
        async with aiohttp.ClientSession(url) as http:
            number = 0
            while True:
                number += 1
                await asyncio.gather(ask(http, number), asyncio.sleep(1 / rate))

    task = asyncio.create_task(go_on())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def answering(url: str) -> None:
    async with aiohttp.ClientSession() as http:
        for _ in range(100):
            try:
                async with http.get(f"{url}/health"):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def page_of(browser: Any, url: str) -> Any:
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    await page.goto(f"{url}/console")
    await page.wait_for_selector("#people article")
    return page


async def told(client: Any) -> dict[str, float]:
    """What the browser says of a page."""
    metrics = (await client.send("Performance.getMetrics"))["metrics"]
    return {metric["name"]: metric["value"] for metric in metrics}


async def first_paint(browser: Any, url: str) -> None:
    paints, busy = [], []
    for _ in range(5):
        context = await browser.new_context(viewport={"width": 1280, "height": 900})
        page = await context.new_page()
        client = await context.new_cdp_session(page)
        await client.send("Performance.enable", {"timeDomain": "threadTicks"})
        before = await told(client)
        await page.goto(f"{url}/console")
        await page.wait_for_selector("#people article")
        after = await told(client)
        busy.append(1000 * (after["TaskDuration"] - before["TaskDuration"]))
        paints.append(await page.evaluate(_PAINT))
        await context.close()
    print(f"first paint, ms: {', '.join(f'{paint:.0f}' for paint in paints)}")
    print(f"CPU until all is shown, ms: {', '.join(f'{each:.0f}' for each in busy)}")


async def frames(browser: Any, url: str, rate: float) -> None:
    async with coming(url, 300):
        page = await page_of(browser, url)
        while await page.evaluate("state.decisions.length") < SHOWN:  # noqa: ASYNC110 - its own clock
            await asyncio.sleep(0.5)
    await page.evaluate(f"state.shown = {SHOWN}; showDecisions()")
    async with coming(url, rate):
        drawn = await page.evaluate(_FRAMES, 10)
    rows = await page.locator("#rows tbody tr").count()
    each = sorted(drawn["frames"])
    p50, p95 = each[len(each) // 2], each[len(each) * 95 // 100]
    print(
        f"{rows} decisions shown, {rate:g} more a second:"
        f" {1000 / statistics.fmean(each):.0f} frames a second, frame p50 {p50:.1f} ms,"
        f" p95 {p95:.1f} ms, longest {each[-1]:.0f} ms, {len(drawn['long'])} tasks over 50 ms"
    )
    await page.context.close()


async def memory(browser: Any, url: str, rate: float, seconds: float) -> None:
    page = await page_of(browser, url)
    client = await page.context.new_cdp_session(page)
    await client.send("Performance.enable")
    seen = []
    async with coming(url, rate):
        for step in range(7):
            if step:
                await asyncio.sleep(seconds / 6)
            for _ in range(2):
                await client.send("HeapProfiler.collectGarbage")
            named = await told(client)
            seen.append(
                f"{named['JSHeapUsedSize'] / 1e6:.2f} MB {named['Nodes']:.0f} nodes"
                f" {named['JSEventListeners']:.0f} listeners"
            )
    print(f"memory, every {seconds / 6:g} s with {rate:g} decisions a second: {'; '.join(seen)}")
    await page.context.close()


async def cost_of_a_page(browser: Any, url: str, pid: int, seconds: float) -> None:
    shares = []
    for pages in (0, 1):
        page = await page_of(browser, url) if pages else None
        await asyncio.sleep(2)
        before = cpu_seconds(pid)
        await asyncio.sleep(seconds)
        shares.append((cpu_seconds(pid) - before) / seconds)
        if page is not None:
            await page.context.close()
    print(f"an idle gateway: {shares[0]:.2%} of a core; with a page open: {shares[1]:.2%}")


async def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the console.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=20)
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with gateway() as (url, pid):
        await answering(url)
        async with async_api.async_playwright() as started:
            browser = await started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            await first_paint(browser, url)
            await cost_of_a_page(browser, url, pid, 30)
            await frames(browser, url, options.rate)
            await memory(browser, url, options.rate, options.seconds)
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
