"""What becomes of every field of a request for embeddings, OpenAI's and Google's, for each dialect
of a target. Shown in translators/PARAMETERS.md, and held against the official SDKs' types.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from translators.notes import Verdict


class Verdicts(NamedTuple):
    """By the dialect of the target."""

    openai: Verdict
    gemini: Verdict


def _both(verdict: Verdict) -> Verdicts:
    return Verdicts(verdict, verdict)


_READ: Final = _both(Verdict("mapped", "Texts; split where a target takes fewer, joined in order."))
_ONLY_GEMINI: Final = Verdict("dropped", "Only Gemini has it.")
_RELAYED: Final = Verdict("relayed", "As it came.")
_GEMINIS: Final = Verdicts(_ONLY_GEMINI, _RELAYED)
_SHORT: Final = "Asked for, or cut here and brought to length 1, as the model's row says."

FIELDS: Final[Mapping[str, Verdicts]] = {
    "model": _both(Verdict("mapped", "A persona; all vectors of a request come from one model.")),
    "input": Verdicts(
        Verdict("mapped", "A list; token ids where the model takes them, else their text."),
        Verdict("mapped", "A request for each text; token ids as their text."),
    ),
    "encoding_format": Verdicts(
        Verdict("relayed", "Left out where the server does not know it; the answer is as asked."),
        Verdict("emulated", "The answer is as asked."),
    ),
    "dimensions": Verdicts(
        Verdict("depends", _SHORT), Verdict("depends", f"`outputDimensionality`. {_SHORT}")
    ),
    "user": Verdicts(_RELAYED, Verdict("ignored", "Personal data stays here.")),
    "input_type": Verdicts(_ONLY_GEMINI, Verdict("mapped", "`taskType`.")),
    "task_type": Verdicts(_ONLY_GEMINI, Verdict("mapped", "`taskType`.")),
    "x_provider": _both(Verdict("mapped", "Laid over the body for that provider.")),
}
"""Of POST /v1/embeddings; what is not here is relayed to OpenAI's dialect and else dropped."""

GEMINI_FIELDS: Final[Mapping[str, Verdicts]] = {
    "content": Verdicts(
        Verdict("mapped", "Its texts, joined; other parts need a Gemini target."), _RELAYED
    ),
    "model": _both(Verdict("ignored", "The path's; another one is refused.")),
    "taskType": _GEMINIS,
    "title": _GEMINIS,
    "outputDimensionality": Verdicts(Verdict("depends", f"`dimensions`. {_SHORT}"), _RELAYED),
    "embedContentConfig": _both(Verdict("mapped", "What stands in it counts as beside it.")),
    "autoTruncate": _both(Verdict("dropped", "Nothing is ever cut: a long input is an error.")),
    "mimeType": _GEMINIS,
    "documentOcr": _GEMINIS,
    "audioTrackExtraction": _GEMINIS,
}
"""Of embedContent, and of each request of batchEmbedContents; predict has them in other words."""
