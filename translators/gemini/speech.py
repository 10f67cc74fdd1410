"""Sound in an answer: asked for as speechConfig, and what comes (16-bit samples without a header)
as OpenAI's `audio`.
"""

import re
import struct
from base64 import b64decode, b64encode
from binascii import Error
from typing import Final, NamedTuple

from translators.capabilities import ModelRecord
from translators.chat.validation_errors import not_one_of
from translators.chat.wire import Delta
from translators.dialect import Envelope
from translators.errors import InvalidRequest, UpstreamError
from translators.failures import malformed
from translators.gemini.wire import GenerationConfig, Speaking
from translators.json_codec import JsonObject
from translators.notes import Report

PCM: Final = "pcm16"
WAV: Final = "wav"
AS_IT_COMES: Final = "as_it_comes"
"""What `AnswerShape.audio` says where no format was asked for."""

MAX_SOUND: Final = 64 * 1024 * 1024
"""Bytes of samples kept until a header can be put before them: 23 minutes of what Gemini gives."""
_RATE: Final = 24_000
"""Samples per second, where nothing is said of it."""
_SAID_RATE: Final = re.compile(r"rate=(\d{4,6})\b", re.ASCII).search
_BARE: Final = ("audio/l16", "audio/pcm")
_HEADED: Final = ("audio/wav", "audio/x-wav", "audio/wave")

_VOICES: Final = {
    "alloy": "Kore", "ash": "Orus", "ballad": "Enceladus", "cedar": "Algieba", "coral": "Leda",
    "echo": "Charon", "fable": "Puck",
    "marin": "Despina", "nova": "Aoede", "onyx": "Fenrir", "sage": "Callirrhoe",
    "shimmer": "Zephyr", "verse": "Iapetus",
}  # fmt: skip
"""OpenAI's voices, and the one of Gemini's that speaks instead."""


def spoken(audio: JsonObject | None, record: ModelRecord, report: Report) -> Speaking:
    """What `generationConfig` says to a model that shall speak. Raises InvalidRequest for a model
    that does not, and for other formats.
    """
    if not record.can("audio_output"):
        raise InvalidRequest(
            "This provider does not answer with 'audio'.", "modalities", "unsupported_value"
        )
    asked = audio or {}
    form, voice = asked.get("format"), asked.get("voice")
    if form not in (None, PCM, WAV):
        raise not_one_of("audio.format", form, (PCM, WAV))
    config: Speaking = {"responseModalities": ["AUDIO"]}
    if voice.__class__ is str:
        name = _VOICES.get(voice, voice)
        if name != voice:
            report.changed("audio.voice", f"Gemini has no voice {voice!r}: {name!r} speaks")
        config["speechConfig"] = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": name}}}
    elif voice is not None:
        report.dropped("audio.voice", "Gemini knows voices by their names only")
    return config


def format_of(body: JsonObject, config: GenerationConfig) -> str:
    """How sound is given to the caller; "" if the request (`config`: its generationConfig) asks for
    none.
    """
    modalities = config.get("responseModalities")
    if modalities.__class__ is not list or "AUDIO" not in modalities:
        return ""
    form = (body.get("audio") or {}).get("format")
    return form if form in (PCM, WAV) else AS_IT_COMES


class Samples(NamedTuple):
    """Sound without compression: 16 bits for each sample, the low byte first."""

    data: bytes
    rate: int
    channels: int = 1


class Sound:
    """The sound of one choice. Bare samples are shown as they come; a file with a header when all
    of them are known.
    """

    def __init__(self, envelope: Envelope, index: int) -> None:
        self._format = envelope.shape.audio
        self._id = f"audio_{envelope.id.removeprefix('chatcmpl-')}" + (f"_{index}" if index else "")
        self._expires_at = envelope.created  # nothing is kept that a later request could name
        self._held: list[Samples] = []
        self._size = 0
        self._begun = False

    def receive(self, mime: str, data: str) -> Delta | None:
        """A piece of it, as a delta; None while it is held. Raises UpstreamError."""
        self._begun = True
        if self._format == AS_IT_COMES or (
            self._format == PCM and mime.partition(";")[0].strip().lower() in _BARE
        ):
            return self._delta(data)
        samples = _samples(mime, data)
        if samples is None:
            return self._delta(data)
        if self._format == PCM:
            return self._delta(b64encode(samples.data).decode())
        self._size += len(samples.data)
        if self._size > MAX_SOUND:
            raise UpstreamError(
                malformed(f"The provider sent more than {MAX_SOUND} bytes of sound.")
            )
        self._held.append(samples)
        return None

    def finish(self) -> list[Delta]:
        """What is left of it, as deltas."""
        if not self._begun:
            return []
        held, self._held = self._held, []
        file: list[Delta] = [self._delta(b64encode(wav_of(held)).decode())] if held else []
        return [*file, {"audio": {"id": self._id, "expires_at": self._expires_at}}]

    def _delta(self, data: str) -> Delta:
        return {"audio": {"id": self._id, "data": data, "transcript": ""}}


def _samples(mime: str, data: str) -> Samples | None:
    """The samples in a piece of sound; None if it is compressed."""
    kind = mime.partition(";")[0].strip().lower()
    if kind not in _BARE and kind not in _HEADED:
        return None
    try:
        raw = b64decode(data)
    except Error:
        raise UpstreamError(malformed("The provider sent sound that is not base64.")) from None
    if kind in _HEADED or raw[:4] == b"RIFF":
        return _of_wav(raw)
    said = _SAID_RATE(mime)
    return Samples(raw, int(said[1]) if said is not None else _RATE)


def _of_wav(raw: bytes) -> Samples | None:
    """The samples of a WAV file; None if they are not of 16 bits."""
    rate, channels, at = _RATE, 1, 12
    while at + 8 <= len(raw):
        size = int.from_bytes(raw[at + 4 : at + 8], "little")
        body = raw[at + 8 : at + 8 + size]
        if raw[at : at + 4] == b"fmt " and len(body) >= 16:
            coding, channels, rate, _, _, bits = struct.unpack("<HHIIHH", body[:16])
            if (coding, bits) not in ((1, 16), (0xFFFE, 16)) or not channels:
                return None
        elif raw[at : at + 4] == b"data":
            return Samples(body, rate, channels)
        at += 8 + size + size % 2
    return None


def wav_of(pieces: list[Samples]) -> bytes:
    """A WAV file of all the samples, at the rate of the first."""
    data = b"".join([piece.data for piece in pieces])
    rate, channels = pieces[0].rate, pieces[0].channels
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, channels, rate,
        rate * channels * 2, channels * 2, 16,
        b"data", len(data),
    )  # fmt: skip
    return head + data
