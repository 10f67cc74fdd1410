"""One target while a plan is made, and in the plan."""

from dataclasses import dataclass
from typing import Literal

from gateway.config import Model, Provider, TargetRef

Verdict = Literal["chosen", "eligible", "rejected"]


@dataclass(init=False, slots=True)
class Candidate:
    """One target of a plan. One object from the first gate to the last attempt: ten of them may be
    made for a request.
    """

    ref: TargetRef
    provider: Provider
    model: Model
    name: str
    verdict: Verdict
    reasons: tuple[str, ...]
    """Why it cannot serve, as codes: `missing_capability:vision`, `context_overflow: needs 182000 >
    128000`; empty if it can.

    Of one that is not rejected: why it is asked behind the others (`schema_in_words`).
    """
    score: float | None
    """By the strategy: a position, a share, USD, seconds or a balance."""
    cost: int | None
    """Nano-USD expected, where somebody had to know and it has a price."""
    prompt_tokens: int | None
    """By its own tokenizer, estimated; None where nobody had to know."""
    output: int | None
    """Completion tokens expected of one answer, where somebody had to know."""
    share: float
    """The part of its usual requests that it should get: below 1 while it comes back from a
    failure."""

    def __init__(self, ref: TargetRef, provider: Provider, model: Model) -> None:
        self.ref = ref
        self.provider = provider
        self.model = model
        self.name = ref.name
        self.verdict = "eligible"
        self.reasons = ()
        self.score = self.cost = self.prompt_tokens = self.output = None
        self.share = 1.0

    def refuse(self, *reasons: str) -> None:
        """It cannot serve the request."""
        self.reasons += reasons
        self.verdict = "rejected"

    def defer(self, reason: str) -> None:
        """It can serve the request, but others can do better."""
        self.reasons += (reason,)
