"""Takes the keys that a provider was sent out of what it answers, in whichever spelling."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote

from translators.chat.redaction import redacted

REDACTED: Final = "[redacted]"
_SHORTEST: Final = 8
"""Characters of a real key: shorter ones (`EMPTY`, `ollama`) are placeholders and common words."""
_SHORTEST_HALF: Final = 12


class Redactor:
    """Knows the secrets of one provider, each whole and each half of at least 12 characters."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if len(secret) >= _SHORTEST for form in _forms(secret)}
        # A text with a form has every form inside it, too: looking for the smallest is enough.
        self._signs = tuple(
            form for form in forms if not any(other in form for other in forms - {form})
        )
        self._forms = (
            re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True))))
            if forms
            else None
        )

    def holds(self, text: str) -> bool:
        """Whether a secret is in the text."""
        return any(map(text.__contains__, self._signs))

    def clean(self, text: str) -> str:
        """The text without the secrets and whatever looks like a key; cut to 2,000 characters."""
        return redacted(text if self._forms is None else self._forms.sub(REDACTED, text))


def _forms(secret: str) -> Iterator[str]:
    """A secret and its halves as they are, in a URL and in JSON."""
    middle = (len(secret) + 1) // 2
    for part in (
        secret,
        *(half for half in (secret[:middle], secret[middle:]) if len(half) >= _SHORTEST_HALF),
    ):
        in_url = quote(part, safe="")
        yield from (part, in_url, re.sub("%..", lambda code: code[0].lower(), in_url))
        in_json = json.dumps(part)[1:-1]
        yield from (in_json, in_json.replace("/", "\\/"))
