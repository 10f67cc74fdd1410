"""What is printed, and the exit status."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.clients.running import Outcome


@dataclass(slots=True)
class Report:
    """Prints a line for each outcome as it comes."""

    tell: Callable[[str], None]
    passed: int = 0
    failed: int = 0
    absent: list[str] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        word = "FAILED" if outcome.problems else "ok"
        note = f"  {outcome.note}" if outcome.note else ""
        self.tell(
            f"{word:6}  {outcome.client:34} {outcome.against:18} {outcome.seconds:6.1f} s{note}"
        )
        for problem in outcome.problems:
            self.tell(f"          {problem}")
        if outcome.problems:
            self.failed += 1
        else:
            self.passed += 1

    def missing(self, name: str, reason: str) -> None:
        self.absent.append(name)
        self.tell(f"NOT CHECKED: {name} could not be installed: {reason}")

    def end(self, allow_missing: bool) -> int:
        """The exit status, after the last lines."""
        if self.absent:
            self.tell(f"NOT CHECKED: {', '.join(self.absent)}")
        self.tell(f"{self.passed} passed, {self.failed} failed")
        wrong = self.failed or not self.passed or (self.absent and not allow_missing)
        return 1 if wrong else 0
