"""The commands about keys, limits and what was spent, as the command line takes them."""

import argparse
from typing import Final, TypeAlias

COMMANDS: Final = ("keys", "limits", "spend", "ledger", "audit", "store", "instances")


_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
_HELP: Final = {
    "keys": "make, list, change and revoke keys of callers",
    "limits": "show limits as they stand, or raise one for a while",
    "ledger": "check the ledger, or correct a row of it",
    "audit": "changes that operators made",
    "store": "the file of keys, counters and the ledger",
}
_SIMPLE: Final = (
    ("ledger", "verify", "exit status 1 if counters are not the sums of its rows"),
    ("audit", "list", "every change"),
    ("audit", "verify", "exit status 1 if a row was changed"),
    ("store", "check", "exit status 1 if the file is damaged"),
    ("store", "migrate", "bring its schema to this version"),
)
"""Commands without arguments of their own."""


def add_limits(commands: _Commands, where: argparse.ArgumentParser) -> None:
    """Each works on the store, with or without a running server."""
    of = {
        name: commands.add_parser(name, help=text).add_subparsers(dest="action", required=True)
        for name, text in _HELP.items()
    }
    _add_keys(of["keys"], where)
    _add_limit_commands(of["limits"], where)
    for group, action, text in _SIMPLE:
        of[group].add_parser(action, parents=[where], help=text)
    commands.add_parser("instances", parents=[where], help="which processes are on the store")
    amend = of["ledger"].add_parser("amend", parents=[where], help="set the cost of a row")
    amend.add_argument("id", metavar="ID")
    amend.add_argument("--cost", required=True, metavar="USD")
    amend.add_argument("--why", required=True)
    rows = of["ledger"].add_parser("list", parents=[where], help="its rows, as JSON lines")
    rows.add_argument("--key", metavar="ID", help="of this key only")
    rows.add_argument("--since", metavar="DAY", help="the first day, like 2026-11-01")
    rows.add_argument("--until", metavar="DAY", help="the day after the last one")
    rows.add_argument("--csv", action="store_true")
    spend = commands.add_parser("spend", parents=[where], help="what was spent")
    spend.add_argument("--by", default="day", help="of day, key, team, persona, model (day)")
    spend.add_argument("--since", metavar="DAY", help="the first day, like 2026-11-01")
    spend.add_argument("--until", metavar="DAY", help="the day after the last one")
    spend.add_argument("--csv", action="store_true")


def _add_keys(keys: _Commands, where: argparse.ArgumentParser) -> None:
    create = keys.add_parser("create", parents=[where], help="make a key, and show it once")
    create.add_argument("name", metavar="NAME")
    create.add_argument("--team", metavar="TEAM", help="a team of persona_policy.yaml")
    create.add_argument("--persona", action="append", metavar="NAME", help="may be repeated")
    create.add_argument(
        "--direct-models", action=argparse.BooleanOptionalAction,
        help="whether it may name provider/model (as far as --persona lets it)",
    )  # fmt: skip
    create.add_argument(
        "--scope", action="append", metavar="SCOPE",
        help="what its holder may administer: keys:read, keys:write, spend:read, config:reload",
    )  # fmt: skip
    create.add_argument("--expires-in", metavar="TIME", help="like 12h or 90d")
    create.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="ON/PER=AMOUNT",
        help="like usd/day=5, requests/minute=60 or concurrency=4; may be repeated",
    )
    listed = keys.add_parser("list", parents=[where], help="all keys, without secrets")
    listed.add_argument("--team", metavar="TEAM")
    for action, text in (
        ("show", "one key"),
        ("revoke", "refuse a key for ever"),
        ("disable", "refuse a key until it is enabled"),
        ("enable", "take a disabled key again"),
        ("rotate", "a new secret beside the one there is"),
    ):
        one = keys.add_parser(action, parents=[where], help=text)
        one.add_argument("id", metavar="ID", help="12 hex digits")
        if action == "revoke":
            one.add_argument(
                "--now", dest="cut", action="store_true", help="end its running requests, too"
            )
        if action == "rotate":
            one.add_argument(
                "--grace", default="24h", metavar="TIME", help="the one before is good for (24h)"
            )


def _add_limit_commands(limits: _Commands, where: argparse.ArgumentParser) -> None:
    shown = limits.add_parser("show", parents=[where], help="the limits of a key")
    shown.add_argument("--key", metavar="ID", help="the key (default: a caller without one)")
    more = limits.add_parser("raise", parents=[where], help="more of a limit, for a while")
    more.add_argument("scope", metavar="SCOPE", help="as `limits show` tells it: team/blue")
    more.add_argument("name", metavar="ON/PER", help="usd/day")
    more.add_argument("by", type=float, metavar="AMOUNT")
    more.add_argument("--for", dest="time", default="24h", metavar="TIME", help="how long (24h)")
