"""The wire shapes of OpenAI's Responses API: what a request is built of, and what an answer is made of.

Spec: https://platform.openai.com/docs/api-reference/responses. Items, responses and events that a server sends may be of any shape: each
field is looked at before it is used, and items go back to the server as they came.
"""

from translators.json_codec import JsonObject

Item = JsonObject
"""An item of an answer or of an input. Its `type` says what it is; of types that are not known, all fields are kept."""
Response = JsonObject
"""A response as a server sent it, whole or in a stream's event."""
StreamEvent = JsonObject
"""An event of a stream as a server sent it."""
