"""The parameter matrix, made from the dialects' tables: `python -m tests.regenerate` writes
translators/PARAMETERS.md.
"""

from pathlib import Path
from typing import Final

from translators.chat import embeddings_fields
from translators.claude.inbound import fields as messages
from translators.claude.request.fields import FIELDS as CLAUDE
from translators.gemini.inbound.fields import FIELDS as FROM_GEMINI
from translators.gemini.inbound.fields import Field
from translators.gemini.request.fields import FIELDS as GEMINI
from translators.notes import Verdict
from translators.openai.request.fields import FIELDS as OPENAI
from translators.responses.inbound import fields as responses_inbound
from translators.responses.inbound import item_fields
from translators.responses.request.fields import FIELDS as RESPONSES

PAGE: Final = Path(__file__).parents[1] / "translators" / "PARAMETERS.md"
TABLES: Final = {
    "OpenAI": OPENAI,
    "OpenAI Responses": RESPONSES,
    "Claude": CLAUDE,
    "Gemini": GEMINI,
}

HEAD: Final = """# What becomes of every field of a chat request

Made by `python -m tests.regenerate` from the tables that stand beside the translators (`fields.py`). A test holds this page against
the tables, and the tables against the official SDK's types.

*mapped*: under another name or form. *emulated*: the effect is produced another way. *relayed*: as it is. *ignored*: a no-op for this
provider, nothing is lost. *dropped*: not sent, and named in `x-llm-router-dropped-params`. *rejected*: 400, where no other target of the
persona can take it. *depends*: on the value or the model.

What a dialect rejects or lacks, the gateway may still give: `n` answers by asking several times, `stop` by cutting the text.

Fields that are not here are relayed to servers that speak OpenAI's Chat Completions, and dropped with a report elsewhere.
"""  # noqa: E501


MESSAGES_HEAD: Final = """
## What becomes of every field of a Messages request

Made from `translators/claude/inbound/fields.py`. A Claude target is sent the caller's own bytes: every field, known or not, is relayed
to it. Columns of other providers say what the hub's parameter becomes there; *rejected* means that only Claude targets are planned.
"""  # noqa: E501
RELAYED: Final = Verdict("relayed", "As it came.")


GEMINI_HEAD: Final = """
# What becomes of every field of a request of the Gemini API

A Gemini target is sent the caller's own body, fields that no table knows included. For the others a field becomes the hub's, whose row
above says more; the first word is what comes of it in the end.
"""  # noqa: E501
RESPONSES_HEAD: Final = """
## What becomes of every field of a Responses request

Made from `translators/responses/inbound/fields.py`. A target whose provider says `responses: native` is sent the caller's own bytes: every
field, known or not, is relayed to it. Columns of other providers say what the hub's parameter becomes there; *rejected* means that only
native targets are planned, or none.
"""  # noqa: E501
EMBEDDINGS_HEAD: Final = """
## What becomes of every field of a request for embeddings

Made from `translators/chat/embeddings_fields.py`: `POST /v1/embeddings`, then Google's `:embedContent` and `:batchEmbedContents`.
"""  # noqa: E501
AS_IT_CAME: Final = Verdict("relayed", "as it came")


def cell(verdict: Verdict | None) -> str:
    return (
        ""
        if verdict is None
        else f"**{verdict.kind}** {verdict.how}".replace("|", "\\|").replace("\n", " ")
    )


def messages_page() -> str:
    """The fields of Messages, then blocks and types of tools."""
    others = {name: table for name, table in TABLES.items() if table is not CLAUDE}
    rows = [
        "| field | Claude | others | " + " | ".join(others) + " |",
        "|---" * (len(others) + 3) + "|",
    ]
    for name, verdict in messages.FIELDS.items():
        hub = messages.HUB_FIELDS.get(name, "")
        told = " | ".join(cell(table.get(hub)) for table in others.values())
        rows.append(f"| `{name}` | {cell(RELAYED)} | {cell(verdict)} | {told} |")
    for title, table in (
        ("block", messages.BLOCKS),
        ("tool, by the beginning of its type", messages.TOOL_TYPES),
    ):
        rows += ["", f"| {title} | Claude | others |", "|---|---|---|"]
        rows += [
            f"| `{name}` | {cell(RELAYED)} | {cell(verdict)} |" for name, verdict in table.items()
        ]
    return "\n".join([MESSAGES_HEAD, *rows, ""])


def responses_page() -> str:
    """The fields of a caller's Responses request."""
    rows = [
        "| field | native | others | " + " | ".join(TABLES) + " |",
        "|---" * (len(TABLES) + 3) + "|",
    ]
    for name, verdict in responses_inbound.VERDICTS.items():
        hub = responses_inbound.HUB_FIELDS.get(name, "")
        told = " | ".join(cell(table.get(hub)) for table in TABLES.values())
        native = cell(responses_inbound.RELAY_VERDICTS.get(name, AS_IT_CAME))
        rows.append(f"| `{name}` | {native} | {cell(verdict)} | {told} |")
    for title, table in (("item", item_fields.ITEMS), ("tool", item_fields.TOOLS)):
        rows += ["", f"| {title} | native | others |", "|---|---|---|"]
        rows += [
            f"| `{kind}` | {cell(AS_IT_CAME)} | {cell(told)} |" for kind, told in table.items()
        ]
    return "\n".join([RESPONSES_HEAD, *rows, ""])


def embeddings_page() -> str:
    """The fields of OpenAI's and of Google's requests for embeddings."""
    rows: list[str] = []
    for table in (embeddings_fields.FIELDS, embeddings_fields.GEMINI_FIELDS):
        rows += ["", "| field | OpenAI | Gemini |", "|---|---|---|"]
        rows += [
            f"| `{name}` | {cell(told.openai)} | {cell(told.gemini)} |"
            for name, told in table.items()
        ]
    return "\n".join([EMBEDDINGS_HEAD, *rows[1:], ""])


def page() -> str:
    names = list(dict.fromkeys(name for table in TABLES.values() for name in table))
    names.sort(key=lambda name: (name.split(".")[0] in ("role", "content", "tool"), name))
    rows = [
        f"| `{name}` | " + " | ".join(cell(table.get(name)) for table in TABLES.values()) + " |"
        for name in names
    ]
    chat = [HEAD, "| field | " + " | ".join(TABLES) + " |", "|---" * (len(TABLES) + 1) + "|", *rows]
    inbound = (messages_page(), responses_page(), embeddings_page())
    return "\n".join([*chat, *from_gemini(), ""]) + "".join(inbound)


def from_gemini() -> list[str]:
    """The matrix of the Gemini API as callers speak it."""
    rows = []
    for name, field in FROM_GEMINI.items():
        cells = ["**relayed**" if target == "Gemini" else told(field, target) for target in TABLES]
        rows.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return [
        GEMINI_HEAD,
        "| field | " + " | ".join(TABLES) + " |",
        "|---" * (len(TABLES) + 1) + "|",
        *rows,
    ]


def told(field: Field, target: str) -> str:
    """What comes of a field at a target that speaks another dialect."""
    if field.hub is None:
        return cell(field.verdict)
    how = (
        field.verdict.how
        if field.hub in field.verdict.how
        else f"{field.verdict.how} `{field.hub}`."
    )
    table = TABLES[target]
    row = (
        table.get(field.hub) or table[field.hub.rpartition(".")[0]]
    )  # a part that a table says nothing of is as its whole
    return f"**{row.kind}** {how}"


def write() -> None:
    PAGE.write_text(page(), "utf-8")
