"""Content parts of the hub as parts of Gemini: text, and media as data or as a reference. Nothing
is fetched here.
"""

from collections.abc import Callable
from typing import Any, Final, Literal

from translators.capabilities import ModelRecord
from translators.chat.wire import ContentPart
from translators.errors import InvalidRequest
from translators.gemini.request.media_resolution import Resolutions
from translators.gemini.wire import Part, VideoMetadata
from translators.media import Media, from_base64, is_data_url, mime_of_filename, parse_data_url
from translators.notes import Report

_FILES_API: Final = "https://generativelanguage.googleapis.com/v1beta/"
_AUDIO_FORMATS: Final = frozenset({"wav", "mp3", "flac", "ogg", "aac", "aiff", "webm"})
_SCHEMES: Final = ("https://", "http://", "gs://")
_VIDEO_METADATA: Final[dict[str, Literal["startOffset", "endOffset", "fps"]]] = {
    "start_offset": "startOffset", "end_offset": "endOffset", "fps": "fps",
}  # fmt: skip


class ContentReader:
    """Reads the content of messages; gathers on its way what their media want of the whole
    request."""

    __slots__ = ("_record", "_report", "_resolutions")

    def __init__(self, record: ModelRecord, report: Report) -> None:
        self._record = record
        self._report = report
        self._resolutions: Resolutions | None = None

    def resolution(self) -> str | None:
        """`generationConfig.mediaResolution`, once all has been read."""
        return None if self._resolutions is None else self._resolutions.for_all()

    def user(self, content: Any, at: str) -> list[Part]:
        """The parts of a user message, in their order; empty texts are left out. Raises
        InvalidRequest.
        """
        if content.__class__ is str:
            return [{"text": content}] if content else []
        parts = []
        for j, part in enumerate(content):
            read = _READERS.get(part["type"])
            if read is None:
                raise InvalidRequest(
                    f"Invalid content type {part['type'][:40]!r}.",
                    f"{at}[{j}].type",
                    "invalid_value",
                )
            if (made := read(self, part, f"{at}[{j}]")) is not None:
                parts.append(made)
        return parts

    def _text(self, part: ContentPart, at: str) -> Part | None:
        return {"text": part["text"]} if part["text"] else None

    def _image(self, part: ContentPart, at: str) -> Part:
        image = part["image_url"]
        made = located(image["url"], f"{at}.image_url.url")
        if self._resolutions is None:
            self._resolutions = Resolutions(self._record, self._report)
        self._resolutions.note(image.get("detail"), made, f"{at}.image_url.detail")
        return made

    def _audio(self, part: ContentPart, at: str) -> Part:
        audio = part["input_audio"]
        kind = audio.get("format")
        if kind.__class__ is not str or kind not in _AUDIO_FORMATS:
            shown = ", ".join(sorted(_AUDIO_FORMATS))
            raise InvalidRequest(
                f"Invalid audio format: expected one of {shown}.",
                f"{at}.input_audio.format",
                "invalid_value",
            )
        at = f"{at}.input_audio.data"
        data: str = audio["data"]
        return _inline(
            parse_data_url(data, at)
            if is_data_url(data)
            else from_base64(data, f"audio/{kind}", at)
        )

    def _file(self, part: ContentPart, at: str) -> Part:
        file = part["file"]
        data: str | None = file.get("file_data")
        if data is None:
            return _named_file(file["file_id"], f"{at}.file.file_id")
        at = f"{at}.file.file_data"
        media = parse_data_url(data, at) if is_data_url(data) else from_base64(data, "", at)
        mime = media.mime or mime_of_filename(file.get("filename") or "")
        if mime is None:
            raise InvalidRequest(
                "The file's type is unknown: give a data URL or a filename with a known ending.",
                at,
                "invalid_value",
            )
        return _inline(Media(mime, media.base64))

    def _video(self, part: ContentPart, at: str) -> Part:
        made = located(part["video_url"]["url"], f"{at}.video_url.url")
        metadata = part.get("video_metadata")
        if metadata.__class__ is dict:
            shown: VideoMetadata = {}
            for name, value in metadata.items():
                if name in _VIDEO_METADATA and value is not None:
                    shown[_VIDEO_METADATA[name]] = value
            made["videoMetadata"] = shown
        return made


_READERS: Final[dict[str, Callable[[ContentReader, ContentPart, str], Part | None]]] = {
    "text": ContentReader._text,
    "image_url": ContentReader._image,
    "input_audio": ContentReader._audio,
    "file": ContentReader._file,
    "video_url": ContentReader._video,
}


def located(url: str, param: str) -> Part:
    """Media by its URL: data is sent along, anything else is named for Google to fetch. Raises
    InvalidRequest.
    """
    if is_data_url(url):
        return _inline(parse_data_url(url, param))
    if not url.lower().startswith(_SCHEMES):
        raise InvalidRequest("Expected a data:, https: or gs: URL.", param, "invalid_value")
    return _reference(url)


def texts(content: Any, at: str, kinds: tuple[str, ...] = ("text",)) -> list[str]:
    """The non-empty texts of a content that may hold text only (and refusals, if `kinds` says so).
    Raises InvalidRequest.
    """
    if content is None:
        return []
    if content.__class__ is str:
        return [content] if content else []
    found = []
    for j, part in enumerate(content):
        kind = part["type"]
        if kind not in kinds:
            raise InvalidRequest(
                f"Invalid content type {kind[:40]!r}: this message takes text only.",
                f"{at}[{j}].type",
                "invalid_value",
            )
        if part[kind]:
            found.append(part[kind])
    return found


def _inline(media: Media) -> Part:
    return {"inlineData": {"mimeType": media.mime, "data": media.base64}}


def _named_file(name: str, param: str) -> Part:
    if name.startswith("files/"):
        return _reference(_FILES_API + name)
    if name.startswith(("gs://", _FILES_API)):
        return _reference(name)
    raise InvalidRequest(
        "This provider knows only its own files: a name that begins with 'files/', or a gs:// URL."
        " Send 'file_data'.",
        param,
        "unsupported_value",
    )


def _reference(url: str) -> Part:
    path = url.partition("://")[2].partition("?")[0].partition("#")[0].partition("/")[2]
    mime = mime_of_filename(path.rpartition("/")[2])
    return {"fileData": {"fileUri": url} if mime is None else {"mimeType": mime, "fileUri": url}}
