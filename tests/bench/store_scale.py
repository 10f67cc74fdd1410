"""What keys and rows cost the store of limits: the time to start, and of a month of spend, with
10,000 keys and a million rows of the ledger, beside those of an empty one. `python -m
tests.bench.store_scale [--keys 10000] [--rows 1000000]`.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from gateway.admission.keys import KeyDirectory
from gateway.store import keys, ledger, spend
from gateway.store.database import Database
from gateway.store.engine import open_store
from tests.postgres import NOT_CHECKED, running_server

DAY: Final = 86_400
TODAY: Final = 1_796_040_000 // DAY
"""2026-11-30, in days since 1970."""
_TIMES: Final = 5
_GROUPS: Final[tuple[tuple[str, ...], ...]] = (
    (), ("day",), ("team",), ("day", "team", "model"), ("persona", "model"), ("key",),
    ("key", "team"),
)  # fmt: skip
_NUMBERS: Final = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})",
    "postgres": "WITH n(i) AS (SELECT generate_series(1::bigint, {count}))",
}
_HEX: Final = {"sqlite": "printf('%012x', {value})", "postgres": "lpad(to_hex({value}), 12, '0')"}
_KEYS: Final = (
    "INSERT INTO keys(id, name, team, state, limits, metadata, created_at, created_by, rev)"
    " {numbers} SELECT {hex}, 'key ' || i, 'team-' || (i % 20), 'active', '[{{\"on\": \"usd\","
    " \"per\": \"day\", \"amount\": ' || (i % 50 + 1) || '}}]', '{{}}', 1, 'bench', i FROM n"
)
_ROWS: Final = (
    'INSERT INTO ledger(id, at, day, key_id, team, persona, "user", provider, model, state,'
    " attempts, input, cached, written, output, reasoning, cost, revision, decision, request,"
    " charges) {numbers} SELECT {at_hex} || {hex}, {at}, {at} / 86400000, {key}, 'team-' ||"
    " (i * 7919 % {keys} + 1) % 20, 'persona-' || (i % 2), '', 'openai', 'model-' || (i % 3),"
    " 'settled', 1, 1000, 0, 0, 100, 0, 22000, 'r', '', 'request',"
    ' \'[["all","usd/ever",0,22000]]\' FROM n'
)
_DAYS: Final = (
    "INSERT INTO {table} SELECT day, {columns}, COUNT(*), SUM(input), SUM(cached), SUM(output),"
    " SUM(cost), 0, 0 FROM ledger GROUP BY day, {groups}"
)


class Measured(NamedTuple):
    """Milliseconds, the best of several."""

    start: float
    verify: float
    spend: dict[str, float]


def fill(database: Database, engine: str, count: int, rows: int) -> None:
    """So many keys, and so many requests of them in the last 31 days."""

    def hex_of(value: str) -> str:
        return _HEX[engine].format(value=value)

    numbers = _NUMBERS[engine]
    database.execute(_KEYS.format(numbers=numbers.format(count=count), hex=hex_of("i")))
    first = (TODAY - 30) * DAY * 1000
    # in every digit a whole number: 31 days of milliseconds, spread over the rows
    at = f"({first} + CAST(i AS BIGINT) * {31 * DAY * 1000} / {rows + 1})"
    database.execute(
        _ROWS.format(
            numbers=numbers.format(count=rows), at=at, at_hex=hex_of(at), hex=hex_of("i"),
            key=hex_of(f"(i * 7919 % {count} + 1)"), keys=count,
        )
    )  # fmt: skip
    for table, columns in spend.SUMMED.items():
        names = ", ".join(columns[1:])
        selected = names.replace("model", "provider || '/' || model")
        database.execute(
            _DAYS.format(
                table=table, columns=selected, groups=names.replace("model", "provider, model")
            )
        )
    database.execute(f"INSERT INTO counters VALUES('all', 'usd/ever', 0, 0, {rows * 22000}, 0)")
    database.execute("ANALYZE")


def best(work: Callable[[], object]) -> float:
    """Milliseconds."""
    took = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1000)
    return min(took)


def measured(open_again: Callable[[], Database]) -> Measured:
    def start() -> None:
        with closing(open_again()) as database:
            directory = KeyDirectory(time.time, time.monotonic)
            more = True
            while more:
                rows, secrets = keys.changed_since(database, directory.revision)
                directory.apply(rows, secrets)
                more = len(rows) == keys.PAGE

    with closing(open_again()) as database:
        took = {
            ",".join(by) or "all": best(
                lambda by=by: spend.spent(database, by, TODAY - 30, TODAY + 1)
            )  # type: ignore[misc]
            for by in _GROUPS
        }
        one = f"{17:012x}"
        took["day of one key"] = best(
            lambda: spend.spent(database, ("day",), TODAY - 30, TODAY + 1, one)
        )
        began = time.perf_counter()
        assert ledger.differences(database) == []
        verify = (time.perf_counter() - began) * 1000
    return Measured(best(start), verify, took)


@contextmanager
def stores() -> Iterator[dict[str, Callable[[], Callable[[], Database]]]]:
    """By the engine: what makes an empty store, and gives what opens it."""
    with tempfile.TemporaryDirectory() as name, running_server() as postgres:
        root = Path(name)

        def file() -> Callable[[], Database]:
            made = Path(tempfile.mkdtemp(dir=root))
            return lambda: open_store("sqlite:", made)

        def of_server() -> Callable[[], Database]:
            assert postgres is not None
            url = postgres.new_database()
            return lambda: open_store(url, root, patient=True)

        yield {"sqlite": file} if postgres is None else {"sqlite": file, "postgres": of_server}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.store_scale")
    parser.add_argument("--keys", type=int, default=10_000, metavar="N")
    parser.add_argument("--rows", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--engine", choices=("sqlite", "postgres"), action="append")
    options = parser.parse_args()
    with stores() as each:
        for engine in options.engine or each:
            made = each[engine]
            empty, full = made(), made()
            empty().close()
            with closing(full()) as database:
                fill(database, engine, options.keys, options.rows)
            of_empty, of_full = measured(empty), measured(full)
            print(f"{engine}: {options.keys} keys, {options.rows} rows")
            print(f"  start {of_full.start:.0f} ms (empty {of_empty.start:.0f} ms)")
            for by, took in of_full.spend.items():
                print(f"  a month of spend by {by}: {took:.1f} ms")
            print(f"  ledger verify {of_full.verify:.0f} ms", flush=True)
        if "postgres" not in each:
            print(NOT_CHECKED)
    return 0


if __name__ == "__main__":
    sys.exit(main())
