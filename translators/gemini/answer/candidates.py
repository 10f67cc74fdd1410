"""An answer while it is read frame by frame: choices, counts, and what to say at its end. One frame
for a whole answer is a case of it.
"""

from collections.abc import Sequence
from typing import Final

from translators.chat.chunks import Chunk
from translators.chat.code_fence import Unfenced
from translators.chat.wire import Usage
from translators.dialect import Envelope
from translators.errors import UpstreamError, UpstreamFailure
from translators.failures import malformed, no_output, truncated
from translators.gemini.answer import finish_reason
from translators.gemini.answer.candidate import Choice
from translators.gemini.answer.continuation import MOST_HOPS
from translators.gemini.answer.function_calls import CallWriter
from translators.gemini.answer.grounding import annotations
from translators.gemini.answer.logprobs import logprobs
from translators.gemini.answer.usage import Counts, over_hops, service_tier, usage
from translators.gemini.speech import Sound
from translators.gemini.wire import AnswerPart, Candidate, Frame
from translators.json_codec import loads
from translators.text_fast_path import Run

MAX_CHOICES: Final = 128


class Answer:
    """Feed it frames, then ask it to end. Raises UpstreamError for a frame that cannot be in an
    answer.
    """

    def __init__(self, envelope: Envelope) -> None:
        self.model = envelope.model
        self._envelope = envelope
        self._shape = envelope.shape
        self._calls = CallWriter(envelope)
        self._choices: dict[int, Choice] = {}
        self._metadata = Counts()
        """What this hop has counted, up to the last frame that was parsed."""
        self.counted_since: bytes | None = None
        """The last frame that was recognised since then: its counts are read when they are asked
        for."""
        self._earlier: list[Usage] = []
        """The usage of the hops before this one."""
        self._tokens: set[str] = set()
        """The tokens that hops were asked for with."""
        self._blocked: str | None = None
        self._begun = False

    @property
    def ended(self) -> bool:
        """Every choice has its reason, or there will be none."""
        if not self._choices:
            return self._blocked is not None
        return all(choice.reason is not None for choice in self._choices.values())

    @property
    def usage_so_far(self) -> Usage | None:
        return over_hops(self._counted())

    @property
    def billed_prompt_tokens(self) -> int:
        return sum(hop["prompt_tokens"] for hop in self._counted())

    def _counted(self) -> list[Usage]:
        counted = usage(self._counts().settled())
        return self._earlier if counted is None else [*self._earlier, counted]

    def _counts(self) -> Counts:
        """What this hop has counted."""
        if self.counted_since is not None:
            metadata, self.counted_since = loads(self.counted_since).get("usageMetadata"), None
            if metadata.__class__ is dict:
                self._metadata.add(metadata)
        return self._metadata

    @property
    def continuation(self) -> str | None:
        """The token of the following hop, if the answer is to go on. One that was used would bring
        the same hop again.
        """
        choice = self._choices.get(0)
        if (
            choice is None
            or choice.reason != finish_reason.CONTINUATION
            or not self._shape.several_hops
            or len(self._tokens) + 1 >= MOST_HOPS
        ):
            return None
        return None if choice.continuation in self._tokens else choice.continuation

    def next_hop(self) -> str:
        """Be ready for the following hop. The token that asks for it."""
        token, choice = self.continuation, self._choices[0]
        assert token is not None
        self._tokens.add(token)
        choice.reason = choice.continuation = None
        self._earlier = self._counted()
        self._metadata = Counts()
        return token

    def stop_here(self) -> bool:
        """No further hop will come: what there is counts as an answer that was too long. Whether
        there is anything.
        """
        choice = self._choices[0]
        choice.reason = finish_reason.CONTINUATION
        return choice.has_content or choice.calls > 0

    def read(self, frame: Frame, chunks: list[Chunk]) -> None:
        """One GenerateContentResponse."""
        if not self._begun:
            self._begun = True
            self.model = model_of(frame) or self.model
        metadata = frame.get("usageMetadata")
        if metadata.__class__ is dict:
            (self._metadata if self.counted_since is None else self._counts()).add(metadata)
        candidates = frame.get("candidates")
        if candidates.__class__ is list and candidates:
            taken: set[int] = set()
            for position, candidate in enumerate(candidates):
                if candidate.__class__ is dict:
                    self._candidate(candidate, position, taken, chunks)
        else:
            feedback = frame.get("promptFeedback")
            if feedback.__class__ is dict and feedback.get("blockReason").__class__ is str:
                self._blocked = feedback["blockReason"]

    def only_text(self, frame: Frame) -> tuple[str, Choice] | None:
        """The text of a frame that was read and says nothing else, and whose it is."""
        found = only_part(frame)
        if found is None:
            return None
        candidate, part = found
        text, index = part.get("text"), candidate.get("index", 0)
        if (
            text.__class__ is not str
            or len(part) != 1
            or not candidate.keys() <= {"content", "index"}
            or index.__class__ is not int
        ):
            return None
        return text, self._choices[index]

    def more_texts(self, run: Run, chunks: list[Chunk]) -> None:
        """Frames that say nothing but texts of one choice, and what was counted by then: each
        stands for all before it.
        """
        choice: Choice = run.known
        choice.texts(run, chunks)
        self.counted_since = run.last

    def _candidate(
        self, candidate: Candidate, position: int, taken: set[int], chunks: list[Chunk]
    ) -> None:
        index = candidate.get("index", 0)
        if index.__class__ is not int or index in taken:
            index = position
        taken.add(index)
        choice = self._choices.get(index) or self._open(index, chunks)
        before = len(chunks)
        content = candidate.get("content")
        parts = content.get("parts") if content.__class__ is dict else None
        if parts.__class__ is list and parts:
            part = parts[0]
            if (
                len(parts) == 1
                and part.__class__ is dict
                and len(part) == 1
                and (text := part.get("text")).__class__ is str
            ):
                if text:
                    choice.text(text, chunks)
            else:
                choice.parts(parts, chunks)
        if len(candidate) > 2 or "finishReason" in candidate:
            self._note(candidate, choice, before, chunks)

    def _note(self, candidate: Candidate, choice: Choice, before: int, chunks: list[Chunk]) -> None:
        """What else a candidate holds: a reason may come early or again, so that none is told
        before the end.
        """
        reason = finish_reason.given(candidate)
        if reason is not None:
            choice.reason = reason
            message = candidate.get("finishMessage")
            choice.finish_message = message if message.__class__ is str else None
            token = candidate.get("continuationToken")
            if token.__class__ is str and token:
                choice.continuation = token
        grounding = candidate.get("groundingMetadata")
        if grounding.__class__ is dict and grounding:
            choice.grounding = grounding
        result = candidate.get("logprobsResult")
        if result.__class__ is dict and result:
            if len(chunks) == before:
                choice.emit(chunks, {})
            chunks[-1].choice = {"logprobs": logprobs(result)}

    def _open(self, index: int, chunks: list[Chunk]) -> Choice:
        """A new choice. Those before it are shown first: clients count on their order."""
        if not 0 <= index < MAX_CHOICES:
            raise UpstreamError(
                malformed("The provider sent a candidate with an impossible index.")
            )
        for lower in range(index):
            (self._choices.get(lower) or self._new(lower)).open(chunks)
        return self._new(index)

    def _new(self, index: int) -> Choice:
        shape = self._shape
        choice = self._choices[index] = Choice(
            index, self._calls, Unfenced() if shape.strip_json_fence else None
        )
        if shape.audio:
            choice.sound = Sound(self._envelope, index)
        return choice

    def end(self, chunks: list[Chunk], *, complete: bool) -> UpstreamFailure | None:
        """The trailing chunks of a whole answer, or the failure it turns out to be.

        `complete`: the answer is known to be whole, so that a missing reason means nothing (a
        stream without one was cut off).
        """
        if not self._choices:
            return self._end_without_choices(chunks)
        choices = [self._choices[index] for index in sorted(self._choices)]
        if not complete and not self.ended:
            return truncated()
        for choice in choices:
            if choice.reason == "STOP":
                choice.close_call(chunks)
            choice.end_text(chunks)
        ends = [(choice, self._reason(choice)) for choice in choices]
        for choice, reason in ends:
            if reason is None:
                return finish_reason.failure(choice.reason, choice.finish_message)
            if choice.omitted and reason == "stop" and not choice.has_content:
                return finish_reason.only_omitted(choice.omitted)
        for choice, reason in ends:
            self._end_choice(choice, reason, chunks)
        self._end_usage(chunks)
        return None

    def _reason(self, choice: Choice) -> str | None:
        calls = self._calls.finish_reason if choice.calls else None
        return finish_reason.finish_reason(choice.reason, calls=calls, content=choice.has_content)

    def _end_choice(self, choice: Choice, reason: str | None, chunks: list[Chunk]) -> None:
        choice.open(chunks)
        if (opaque := choice.opaque()) is not None:
            choice.emit(chunks, {"extra_content": opaque})
        if choice.grounding is not None and (
            cited := annotations(choice.grounding, choice.visible())
        ):
            choice.emit(chunks, {"annotations": cited})
        chunks.append(self._finish(reason, choice.index, choice.reason, choice.omitted))

    def _end_without_choices(self, chunks: list[Chunk]) -> UpstreamFailure | None:
        if self._blocked is None:
            return no_output("The provider gave no candidates.") if self._begun else truncated()
        chunks.append(Chunk({"role": "assistant", "content": ""}))
        chunks.append(self._finish("content_filter", 0, f"PROMPT_{self._blocked}"))
        self._end_usage(chunks)
        return None

    def _finish(
        self, reason: str | None, index: int, native: str | None, omitted: Sequence[str] = ()
    ) -> Chunk:
        tier = service_tier(self._counts().known)
        top = None if tier is None else {"service_tier": tier}
        told = (
            {"native_finish_reason": native, "omitted_media": omitted}
            if omitted
            else {"native_finish_reason": native}
        )
        return Chunk({}, reason, index, choice=told, top=top)

    def _end_usage(self, chunks: list[Chunk]) -> None:
        if (counted := self.usage_so_far) is not None:
            chunks.append(Chunk(usage=counted))


def model_of(frame: Frame) -> str | None:
    """The model that served, if a frame names it."""
    version = frame.get("modelVersion")
    return version if version.__class__ is str and version else None


def only_part(frame: Frame) -> tuple[Candidate, AnswerPart] | None:
    """The candidate of a frame that has one with one part, and that part."""
    candidates = frame.get("candidates")
    if candidates.__class__ is not list or len(candidates) != 1:
        return None
    candidate = candidates[0]
    content = candidate.get("content") if candidate.__class__ is dict else None
    parts = content.get("parts") if content.__class__ is dict else None
    if parts.__class__ is not list or len(parts) != 1 or parts[0].__class__ is not dict:
        return None
    return candidate, parts[0]
