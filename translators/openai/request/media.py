"""Images and files in tool results, for servers whose tool messages hold only text: the user shows
them behind the results.
"""

from typing import Final

from translators.chat.wire import ContentPart, InputMessage
from translators.notes import Report

SEEN_BELOW: Final = "(shown in the user message that follows)"


def media_behind_results(messages: list[InputMessage], report: Report) -> list[InputMessage]:
    """What is no text in a run of tool messages moves into one user message behind the run. Results
    stand right behind their calls.
    """
    report.repaired(
        "messages", "a tool message holds only text here: images and files follow in a user message"
    )
    made: list[InputMessage] = []
    shown: list[ContentPart] = []
    for message in messages:
        if message["role"] == "tool":
            content = message["content"]
            if content.__class__ is list and (
                media := [part for part in content if part["type"] != "text"]
            ):
                texts = [part for part in content if part["type"] == "text"]
                message = {**message, "content": texts or SEEN_BELOW}
                shown += [
                    {"type": "text", "text": f"Result of the tool call {message['tool_call_id']}:"},
                    *media,
                ]
        elif shown:
            made.append({"role": "user", "content": shown})
            shown = []
        made.append(message)
    if shown:
        made.append({"role": "user", "content": shown})
    return made
