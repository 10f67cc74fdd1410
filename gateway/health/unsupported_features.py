"""What targets turned out not to have, although their row says so: they are not asked for it again
for an hour.

A refusal is believed without proof, so it is forgotten: the operator may have loaded another model,
or started its server with tools.
"""

from typing import Final

from translators.capabilities import Capability, ModelRecord

BELIEVED: Final = 3600.0
"""Seconds."""


class Lacks:
    """Of one running gateway; bounded by the number of its targets. Times are monotonic seconds."""

    __slots__ = ("known",)

    def __init__(self) -> None:
        self.known: dict[str, tuple[ModelRecord, dict[Capability, float]]] = {}
        """By target: the record that was wrong, and until when it is taken to be so. Nearly always
        empty, which is cheap to see."""

    def learn(self, target: str, record: ModelRecord, capability: Capability, now: float) -> None:
        """The target, of which `record` says so, does not have it."""
        wrong, until = self.known.get(target, (record, {}))
        self.known[target] = (
            record,
            {**(until if wrong is record else {}), capability: now + BELIEVED},
        )

    def of(self, target: str, record: ModelRecord, now: float) -> frozenset[Capability]:
        """What the target lacks now. A record of another revision of the files may say better."""
        wrong, until = self.known.get(target, (record, {}))
        return frozenset(
            capability for capability, end in until.items() if wrong is record and now < end
        )


NONE_KNOWN: Final = Lacks()
"""For plans that ignore what was learned: it stays empty."""
