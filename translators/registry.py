"""Every dialect, one line each."""

from types import MappingProxyType
from typing import Final

from translators import claude, gemini, openai
from translators.dialect import Dialect

DIALECTS: Final = MappingProxyType[str, Dialect](
    {
        "claude": claude,
        "gemini": gemini,
        "openai": openai,
    }
)
