"""translators.gemini.speech: sound is asked for in Gemini's words, and comes to the caller in
OpenAI's.
"""

import io
import wave
from base64 import b64decode, b64encode
from dataclasses import replace
from typing import Any

import pytest
from openai.types.chat import ChatCompletion

from tests.translators.gemini.models import RECORDS
from tests.translators.gemini.streams import envelope, frame, read, sse, written
from translators import gemini
from translators.chat.chunks import Collector
from translators.chat.request import parse
from translators.dialect import AnswerShape, Target, UpstreamRequest
from translators.errors import FailureKind, InvalidRequest, UpstreamError
from translators.gemini import speech
from translators.json_codec import dumps, loads
from translators.notes import Note

SPEAKING = replace(
    RECORDS["gemini-2.5-flash"],
    capabilities=RECORDS["gemini-2.5-flash"].capabilities | {"audio_output"},
)
L16 = "audio/L16;codec=pcm;rate=24000"
ONE, OTHER = bytes(range(100)), bytes(range(100, 201))
"""Samples whose base64 has padding: texts of it cannot just be put behind each other."""


def built(record: Any = SPEAKING, **body: Any) -> UpstreamRequest:
    request = parse({"model": "p", "messages": [{"role": "user", "content": "Say it."}], **body})
    return gemini.build_request(request, Target("gemini", "gemini", "https://g", "m", record, "k"))


def sound(samples: bytes, mime: str = L16) -> dict[str, Any]:
    return {"inlineData": {"mimeType": mime, "data": b64encode(samples).decode()}}


def wav(samples: bytes, rate: int = 24_000, channels: int = 1, width: int = 2) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(channels)
        written.setsampwidth(width)
        written.setframerate(rate)
        written.writeframes(samples)
    return file.getvalue()


def answered(form: str, *parts: dict[str, Any], stream: bool = False) -> dict[str, Any]:
    """The choice of an answer with these parts: whole, or added up from a stream of one frame for
    each.
    """
    shape = AnswerShape(audio=form)
    if not stream:
        answer = gemini.parse_response(dumps(frame(*parts, reason="STOP")), envelope(shape))
        ChatCompletion.model_validate(answer)
        return dict(answer["choices"][0])
    reader, chunks = read(sse(*[frame(part) for part in parts], frame(reason="STOP")), shape=shape)
    assert reader.failure is None
    collector = Collector("chatcmpl-1", 1, "m")
    for chunk in chunks:
        collector.add(chunk)
    return dict(collector.completion()["choices"][0])


@pytest.mark.parametrize(
    ("audio", "voice", "notes"),
    [
        (None, None, []),
        ({"format": "wav"}, None, []),
        ({"voice": "Kore", "format": "pcm16"}, "Kore", []),
        (
            {"voice": "alloy", "format": "pcm16"},
            "Kore",
            [Note("changed", "audio.voice", "Gemini has no voice 'alloy': 'Kore' speaks")],
        ),
        (
            {"voice": {"id": "voice_1"}},
            None,
            [Note("dropped", "audio.voice", "Gemini knows voices by their names only")],
        ),
    ],
)
def test_a_model_that_speaks_is_asked_to(audio: Any, voice: str | None, notes: list[Note]) -> None:
    upstream = built(modalities=["text", "audio"], **({} if audio is None else {"audio": audio}))
    config = (
        {"speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}}}
        if voice
        else {}
    )
    assert loads(upstream.body)["generationConfig"] == {"responseModalities": ["AUDIO"], **config}
    assert list(upstream.notes) == notes
    assert upstream.shape.audio == (audio or {}).get("format", "as_it_comes")


@pytest.mark.parametrize(
    ("record", "body", "param"),
    [
        (RECORDS["gemini-2.5-flash"], {"modalities": ["audio"]}, "modalities"),
        (SPEAKING, {"modalities": ["audio", "image"]}, "modalities"),
        (SPEAKING, {"modalities": ["audio", "smell"]}, "modalities"),
        (SPEAKING, {"modalities": ["audio"], "audio": {"format": "mp3"}}, "audio.format"),
    ],
)
def test_what_it_cannot_do_is_refused_before_it_is_asked(
    record: Any, body: dict[str, Any], param: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        built(record, **body)
    assert caught.value.param == param


def test_how_to_speak_is_nothing_to_who_asks_for_text() -> None:
    upstream = built(
        RECORDS["gemini-2.5-flash"], modalities=["text"], audio={"voice": "alloy", "format": "mp3"}
    )
    assert ("generationConfig" in loads(upstream.body), upstream.notes, upstream.shape.audio) == (
        False,
        (),
        "",
    )


def test_sound_asked_for_in_googles_own_words() -> None:
    upstream = built(google={"response_modalities": ["AUDIO"]}, audio={"format": "wav"})
    assert (
        loads(upstream.body)["generationConfig"]["responseModalities"],
        upstream.shape.audio,
    ) == (["AUDIO"], "wav")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("form", "parts", "expected"),
    [
        ("pcm16", [sound(ONE)], ONE),
        ("pcm16", [sound(ONE), sound(OTHER)], ONE + OTHER),
        ("pcm16", [sound(wav(ONE), "audio/wav")], ONE),
        ("pcm16", [sound(b"mp3", "audio/mpeg")], b"mp3"),
        ("wav", [sound(ONE)], wav(ONE)),
        ("wav", [sound(ONE), sound(OTHER + b"x")], wav(ONE + OTHER + b"x")),
        ("wav", [sound(ONE, "audio/pcm; rate=16000")], wav(ONE, 16_000)),
        ("wav", [sound(ONE, "audio/pcm")], wav(ONE)),
        ("wav", [sound(wav(ONE, 8_000, 2), "audio/wav"), sound(wav(OTHER + b"xyz", 8_000, 2),
         "audio/x-wav")],
         wav(ONE + OTHER + b"xyz", 8_000, 2)),
        ("wav", [sound(wav(ONE, width=1), "audio/wav")], wav(ONE, width=1)),
        ("wav", [sound(b"ogg", "audio/ogg")], b"ogg"),
        ("as_it_comes", [sound(ONE)], ONE),
    ],
)  # fmt: skip
def test_sound_comes_in_the_format_asked_for(
    form: str, parts: list[dict[str, Any]], expected: bytes, stream: bool
) -> None:
    choice = answered(form, *parts, stream=stream)
    audio = choice["message"]["audio"]
    assert b64decode(audio.pop("data")) == expected
    assert audio == {"id": "audio_1", "transcript": "", "expires_at": 1795000000}
    assert (choice["message"]["content"], choice["finish_reason"]) == ("", "stop")


def test_samples_are_shown_as_they_come_and_a_file_at_the_end() -> None:
    data = sse(frame(sound(ONE)), frame(sound(OTHER)), frame(reason="STOP"))

    def shown(form: str) -> list[Any]:
        stream, chunks = read(data, shape=AnswerShape(audio=form))
        return [
            choice["delta"].get("audio")
            for event in written(stream, chunks)
            for choice in event["choices"]
        ]

    pieces = [
        {"id": "audio_1", "data": b64encode(samples).decode(), "transcript": ""}
        for samples in (ONE, OTHER)
    ]
    ending = {"id": "audio_1", "expires_at": 1795000000}
    assert shown("pcm16") == [*pieces, ending, None]
    assert shown("wav") == [
        {**pieces[0], "data": b64encode(wav(ONE + OTHER)).decode()},
        ending,
        None,
    ]


def test_text_beside_sound_stays_text() -> None:
    message = answered("pcm16", {"text": "Listen: "}, sound(ONE), {"text": "well?"}, stream=True)[
        "message"
    ]
    assert (message["content"], b64decode(message["audio"]["data"])) == ("Listen: well?", ONE)


def test_each_choice_has_a_sound_of_its_own() -> None:
    first, second = (
        frame(sound(ONE), reason="STOP")["candidates"],
        frame(sound(OTHER), reason="STOP", index=1)["candidates"],
    )
    answer = gemini.parse_response(
        dumps({"candidates": [*first, *second]}), envelope(AnswerShape(audio="wav"))
    )
    found = [
        (choice["message"]["audio"]["id"], choice["message"]["audio"]["data"])
        for choice in answer["choices"]
    ]
    assert found == [
        ("audio_1", b64encode(wav(ONE)).decode()),
        ("audio_1_1", b64encode(wav(OTHER)).decode()),
    ]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "part", [sound(ONE), {"inlineData": {"mimeType": "video/mp4", "data": "AAAA"}}]
)
def test_media_that_nobody_asked_for_is_told_of(part: dict[str, Any], stream: bool) -> None:
    choice = answered("", {"text": "Hi"}, part, part, stream=stream)
    assert (choice["message"]["content"], choice["finish_reason"]) == ("Hi", "stop")
    assert choice["omitted_media"] == [part["inlineData"]["mimeType"].partition(";")[0]]
    assert "audio" not in choice["message"]


def test_an_answer_that_is_nothing_else_is_no_answer() -> None:
    """It never looks like one that stopped without a word."""
    stream, chunks = read(sse(frame(sound(ONE)), frame(reason="STOP")))
    assert stream.failure is not None
    assert (stream.failure.kind, stream.failure.message) == (
        FailureKind.NO_OUTPUT,
        "The provider answered with audio/L16 only, which was not asked for ('modalities').",
    )
    assert not any(chunk.finish_reason for chunk in chunks)
    with pytest.raises(UpstreamError) as caught:
        gemini.parse_response(dumps(frame(sound(ONE), reason="STOP")), envelope())
    assert caught.value.failure == stream.failure


@pytest.mark.parametrize("data", ["AAA", 5, None])
def test_sound_that_is_none(data: Any) -> None:
    """What is no base64 cannot be put into a file; what is no text says nothing."""
    part = {"inlineData": {"mimeType": L16, "data": data}}
    with pytest.raises(UpstreamError) as caught:
        answered("wav", part)
    assert caught.value.failure.kind is (
        FailureKind.MALFORMED if data.__class__ is str else FailureKind.NO_OUTPUT
    )


def test_a_file_of_any_size_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "MAX_SOUND", 150)
    with pytest.raises(UpstreamError) as caught:
        answered("wav", sound(ONE), sound(OTHER))
    assert caught.value.failure.kind is FailureKind.MALFORMED
    assert (
        b64decode(answered("pcm16", sound(ONE), sound(OTHER))["message"]["audio"]["data"])
        == ONE + OTHER
    )
