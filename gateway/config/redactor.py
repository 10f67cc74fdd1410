"""What must not be heard of a provider: the keys that it was sent, in whichever spelling it repeats them."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote

from translators.chat.redaction import redacted

REDACTED: Final = "[redacted]"
_SHORTEST: Final = 8
"""Characters of a key that is one: shorter ones (`EMPTY`, `ollama`) are placeholders, and words of any text."""
_SHORTEST_HALF: Final = 12


class Redactor:
    """Knows the secrets of one provider: each whole, and each half of it from 12 characters on. Made once for a configuration."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if len(secret) >= _SHORTEST for form in _forms(secret)}
        # Whoever holds a form holds those that are in it, so most texts are done with after a look for a few.
        self._signs = tuple(form for form in forms if not any(other in form for other in forms - {form}))
        self._forms = re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True)))) if forms else None

    def holds(self, text: str) -> bool:
        """Whether a secret is in the text."""
        return any(sign in text for sign in self._signs)

    def clean(self, text: str) -> str:
        """Without the secrets, and without anything that looks like a key; cut to 2,000 characters."""
        return redacted(text if self._forms is None else self._forms.sub(REDACTED, text))


def _forms(secret: str) -> Iterator[str]:
    """A secret and its halves as they are, in a URL and in JSON."""
    middle = (len(secret) + 1) // 2
    for part in (secret, *(half for half in (secret[:middle], secret[middle:]) if len(half) >= _SHORTEST_HALF)):
        in_url = quote(part, safe="")
        yield from (part, in_url, re.sub("%..", lambda code: code[0].lower(), in_url))
        in_json = json.dumps(part)[1:-1]
        yield from (in_json, in_json.replace("/", "\\/"))
