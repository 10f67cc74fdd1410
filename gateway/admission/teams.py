"""Teams that operators make while the gateway runs. Those of the policy are the file's: they win,
and are changed there.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gateway.admission.administration import check_names
from gateway.config.limits import (
    LimitsPolicy,
    Team,
    limit_documents,
    read_limits,
    read_team_request,
)
from gateway.errors import TeamNotFound
from gateway.store import teams
from gateway.store.database import Database
from gateway.store.limits_rows import Author, TeamRow


def with_stored(policy: LimitsPolicy, rows: Sequence[TeamRow]) -> LimitsPolicy:
    """The file's policy with the teams of the store."""
    if not rows:
        return policy
    return replace(policy, teams={**{row.id: _team(row) for row in rows}, **policy.teams})


def _team(row: TeamRow) -> Team:
    personas = None if row.personas is None else frozenset(json.loads(row.personas))
    return Team(limits=read_limits(json.loads(row.limits)), personas=personas)


def put_team(
    database: Database, name: str, body: Any, policy: LimitsPolicy, now: int, author: Author
) -> dict[str, Any]:
    """A new team, or another one in its place. `policy`: the file's. Raises ValueError."""
    asked = read_team_request(name, body)
    if name in policy.teams:
        raise ValueError(f"team: {name!r} stands in persona_policy.yaml, and is changed there")
    names = [limit.same for limit in asked.limits]
    if len(set(names)) != len(names):
        raise ValueError("limits: the same limit stands in the list twice")
    check_names(policy, asked.personas, asked.limits)
    row = TeamRow(
        name, None if asked.personas is None else json.dumps(sorted(asked.personas)),
        json.dumps(limit_documents(asked.limits)), json.dumps(asked.metadata or {}), 0,
    )  # fmt: skip
    return team_document(teams.put(database, row, now, author))


def remove_team(
    database: Database, name: str, policy: LimitsPolicy, now: int, author: Author
) -> dict[str, Any]:
    """The team that there was. Raises TeamNotFound, ValueError."""
    if name in policy.teams:
        raise ValueError(f"team: {name!r} stands in persona_policy.yaml, and is taken out there")
    row = teams.remove(database, name, now, author)
    if row is None:
        raise TeamNotFound(f"There is no team {name[:64]!r}.")
    return team_document(row)


def listed(database: Database, policy: LimitsPolicy) -> list[dict[str, Any]]:
    """All of them, in the order of their names."""
    found = {row.id: team_document(row) for row in teams.every(database)}
    found |= {name: _document_of_file(name, team) for name, team in policy.teams.items()}
    return [found[name] for name in sorted(found)]


def team_document(row: TeamRow) -> dict[str, Any]:
    """As JSON."""
    return {
        "id": row.id,
        "personas": None if row.personas is None else json.loads(row.personas),
        "limits": json.loads(row.limits),
        "metadata": json.loads(row.metadata),
        "source": "store",
    }


def _document_of_file(name: str, team: Team) -> dict[str, Any]:
    return {
        "id": name,
        "personas": None if team.personas is None else sorted(team.personas),
        "limits": limit_documents(team.limits),
        "metadata": {},
        "source": "file",
    }
