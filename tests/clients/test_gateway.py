"""tests.clients.gateway: every persona of the harness can be served."""

from tests.clients.gateway import EMBEDDINGS, PERSONAS, capabilities, policy
from tests.clients.programs import LIKES
from tests.serving import config_of

KEYS = {"ANTHROPIC_API_KEY": "a", "OPENAI_API_KEY": "b", "GEMINI_API_KEY": "c"}


def test_there_is_a_persona_for_each_dialect_under_each_name() -> None:
    config = config_of(policy(), KEYS, capabilities())
    assert set(config.personas) == {
        *(like + name for like in LIKES for name in PERSONAS),
        EMBEDDINGS,
    }
    assert [p.unavailable_reason for p in config.providers.values() if p.unavailable_reason] == []
