"""What is taken out of a provider's words: keys always, and before a caller sees them whatever
names our account there.
"""

import re
from typing import Final

MOST_CHARACTERS: Final = 2000

_KEYS: Final = re.compile(
    r"\b(?:sk|gsk|xai|hf|nvapi|pplx|csk|fw|tgp|r8|esecret|ghp|glpat)[-_][A-Za-z0-9_*-]{6,}"
    r"|AIza[0-9A-Za-z_-]{10,}|\bAQ\.[0-9A-Za-z_-]+|\bya29\.[0-9A-Za-z_-]+|\b(?:AKIA|ASIA|ABSK)[0-9A-Za-z+/=]{12,}"
    r"|\beyJ[0-9A-Za-z_-]{6,}\.[0-9A-Za-z_.-]+|Bearer\s+\S+|Basic\s+[0-9A-Za-z+/]{8,}={1,2}|\bdapi[0-9a-f]{20,}|(?<=key=)[^\s&\"']+"
    r"|(?i:(?<=api[-_ ]key: )|(?<=api[-_ ]key provided: ))[^\s.,;]{6,}"
    r"|[\w-]{0,40}\*{3,}[\w*-]{0,40}"
)
_ACCOUNT: Final = re.compile(
    r"\b(?:org|proj|user|acct|team|wrkspc|ak)[-_](?=[A-Za-z]{0,40}[0-9])[A-Za-z0-9]{8,}"
    r"|\bproject(?:s/|_number:|_id:|[ _]number |[ _]id )[\w.:-]+"
    r"|(?<=in organization )\S{1,80}|(?<=organization: )\S{1,80}|(?<=Team: )[^,\s]{1,80}|(?<=API"
    r" key ID: )[^,\s]{1,80}"
    r"|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\barn:aws[\w-]{0,20}:\S{1,200}|[\w.-]{1,64}@[\w.-]{1,64}\.gserviceaccount\.com",
    re.I,
)


def redacted(message: str) -> str:
    """Cut to 2,000 characters, without anything that looks like a key."""
    return _KEYS.sub("[redacted]", message[:MOST_CHARACTERS])


def without_account(message: str) -> str:
    """Without the ids of organizations, projects and the like."""
    return _ACCOUNT.sub("[redacted]", message)
