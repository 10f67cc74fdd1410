"""The result: a JSON document, and the same as Markdown. `python -m tests.bench.report RESULT.json`
writes one into README.md again.
"""

import json
import os
import platform
import re
import resource
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from tests.bench.load import TooFast
from tests.bench.processes import ROOT
from tests.bench.systems import NGINX, OURS, RELAY

RESULTS: Final = ROOT / "bench-results"
README: Final = Path(__file__).with_name("README.md")
TICKS: Final = os.sysconf("SC_CLK_TCK")
BEGIN, END = "<!-- make bench -->", "<!-- end of make bench -->"


def machine() -> dict[str, object]:
    """What it was measured on."""
    names = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "cpu": names[0] if names else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]}",
    }


class Others:
    """What other processes than this one and its children use of the machine: they make every
    figure worse.
    """

    def __init__(self) -> None:
        self._before = self._now()

    def share(self) -> float:
        """Of all cores, from the beginning until now."""
        others, all_cores = (
            now - before for now, before in zip(self._now(), self._before, strict=True)
        )
        return max(0.0, others / all_cores)

    def _now(self) -> tuple[float, float]:
        ticks = [
            int(field) / TICKS
            for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
        ]
        usage = [resource.getrusage(of) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(ticks) - ticks[3] - ticks[4] - sum(
            used.ru_utime + used.ru_stime for used in usage
        ), sum(ticks)


def markdown(result: Mapping[str, Any]) -> str:
    """The tables and what must be known to read them."""
    systems, figures = result["systems"], {figure["name"]: figure for figure in result["figures"]}
    others = [name for name in systems if name != OURS]
    yardsticks = [name for name in (NGINX, RELAY) if name in systems]
    columns = [OURS, *(f"÷ {name}" for name in yardsticks), *others, *result["missing"]]
    lines = [f"| | unit | {' | '.join(columns)} |", "|---" * 2 + "|--:" * len(columns) + "|"]
    notes = [
        f"**{name} could not be measured**: {_one_line(why)}"
        for name, why in result["missing"].items()
    ]
    failures: dict[tuple[str, str], list[str]] = {}
    for figure in figures.values():
        ours, like = figure["values"].get(OURS), figures.get(figure["like"], figure)["values"]
        cells = [
            _failed(figure, OURS) if ours is None else f"**{_number(ours, figure['digits'])}**"
        ]
        cells += [_ratio(ours, like.get(name)) for name in yardsticks]
        cells += [_cell(figure, name, ours) for name in others]
        cells += ["**not measured**"] * len(result["missing"])
        lines.append(f"| {figure['name']} | {figure['unit']} | {' | '.join(cells)} |")
        for name, why in figure["failed"].items():
            failures.setdefault((name, _one_line(why)), []).append(f"“{figure['name']}”")
    notes += [
        f"**{name} failed** at {', '.join(rows)}: {why}" for (name, why), rows in failures.items()
    ]
    growth = [
        "| what grows tenfold | a request before, µs CPU | after | ratio |",
        "|---|--:|--:|--:|",
    ]
    growth += [
        f"| {row['name']} | {row['before']:.0f} | {row['after']:.0f} | {row['ratio']:.2f} |"
        for row in result["growth"]
    ]
    return "\n\n".join(["\n".join(lines), _legend(result), *notes, "\n".join(growth)])


def _legend(result: Mapping[str, Any]) -> str:
    where = result["machine"]
    of = "; ".join(f"{name} {version}" for name, version in result["systems"].items())
    parts = [
        (
            f"Measured on {result['date'][:10]}: {where['cpu']}, {where['cores']} cores,"
            f" {where['kernel']}. {of}."
        ),
        (
            f"**Other processes used {result['others']:.0%} of the machine meanwhile.**"
            if result["others"] > 0.05
            else ""
        ),
        "**A quick run: shows that it runs, not what it costs.**" if result["quick"] else "",
        (
            ""
            if NGINX in result["systems"]
            else "nginx is not installed: nothing is compared with it."
        ),
        (
            "CPU is user and system time of the measured process per request or chunk, alone on a"
            " core; medians of 3, in turn."
        ),
        (
            "A number in parentheses is a multiple of ours, ÷ ours as a multiple of theirs. – is"
            " what a system does not do or was not given;"
        ),
        "where we translate, ÷ compares with the same work untranslated.",
    ]
    return "\n".join(part for part in parts if part)


def _cell(figure: Mapping[str, Any], name: str, ours: float | None) -> str:
    value = figure["values"].get(name)
    if value is None:
        return _failed(figure, name) if name in figure["failed"] else "–"
    number = _number(value, figure["digits"])
    return number if name in (NGINX, RELAY) else f"{number} ({_ratio(value, ours)})"


def _failed(figure: Mapping[str, Any], name: str) -> str:
    too_fast = figure["failed"].get(name, "").startswith(TooFast.__name__)
    return "**too fast**" if too_fast else "**failed**"


def _number(value: float, digits: int) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.{digits if abs(value) >= 1 else 2}f}"


def _ratio(value: float | None, of: float | None) -> str:
    if value is None or of is None or of <= 0:
        return "–"
    ratio = value / of
    return f"{ratio:,.0f}×" if ratio >= 20 else f"{ratio:.1f}×" if ratio >= 2 else f"{ratio:.2f}×"


def _one_line(text: str) -> str:
    return " ".join(text.split())[:400]


def write(result: Mapping[str, Any]) -> Path:
    """Into a file named by its date."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{result['date'].replace(':', '')}.json"
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return path


def put_into_readme(table: str) -> None:
    before, begin, rest = README.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise RuntimeError(f"{README.relative_to(ROOT)} has no {BEGIN} … {END}")
    README.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", "utf-8")


def main(arguments: Iterable[str]) -> None:
    (path,) = arguments
    put_into_readme(markdown(json.loads(Path(path).read_text("utf-8"))))


if __name__ == "__main__":
    main(sys.argv[1:])
