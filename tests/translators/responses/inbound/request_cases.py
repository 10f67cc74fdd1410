"""Requests of callers, each by itself the smallest that shows what it is named for."""

from typing import Any, Final

from translators.responses.inbound.sealed_items import seal_summary
from translators.sealed import SealedReasoning, seal

STATE: Final = seal(
    SealedReasoning(
        "claude/big", {"thinking_blocks": [{"type": "thinking", "signature": "c2"}]}, {}
    )
)
SUMMARY: Final = seal_summary("Blue was chosen.", "claude/big")
PIXEL: Final = "data:image/png;base64,iVBORw0KGgo="


def user(text: str = "hi") -> dict[str, Any]:
    return {"role": "user", "content": text}


def call(n: int, name: str = "f", **more: Any) -> dict[str, Any]:
    made = {"type": "function_call", "call_id": f"c{n}", "name": name, "arguments": "{}"}
    return {**made, **more}


def output(n: int, text: Any = "done") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": f"c{n}", "output": text}


def says(text: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"type": "message", "role": "assistant", "content": [part]}


def function(name: str = "f", **more: Any) -> dict[str, Any]:
    return {"type": "function", "name": name, "parameters": {"type": "object"}, **more}


def items(*given: Any, **more: Any) -> dict[str, Any]:
    return {"model": "p", "input": list(given), **more}


def fields(**more: Any) -> dict[str, Any]:
    return {"model": "p", "input": "hi", **more}


def tools(*given: Any, **more: Any) -> dict[str, Any]:
    return fields(tools=list(given), **more)


def space(name: str, *members: Any, **more: Any) -> dict[str, Any]:
    return {"type": "namespace", "name": name, "tools": list(members), **more}


REQUESTS: Final[dict[str, Any]] = {
    "a_text": fields(),
    "instructions_come_first": fields(instructions="Be kind."),
    "a_stream_counts_its_tokens": fields(stream=True, stream_options={"include_obfuscation": True}),
    "limits_and_sampling": fields(max_output_tokens=99, temperature=0.5, top_p=0.9),
    "effort_and_summary": fields(
        reasoning={"effort": "high", "summary": "auto", "context": "auto"}
    ),
    "a_context_that_is_not_kept": fields(reasoning={"context": "current_turn"}),
    "a_schema": fields(
        text={"format": {"type": "json_schema", "name": "n", "schema": {}, "strict": None}}
    ),
    "any_json": fields(text={"format": {"type": "json_object"}, "verbosity": "low"}),
    "logprobs_are_included": fields(include=["message.output_text.logprobs"], top_logprobs=3),
    "nothing_is_included": fields(include=[]),
    "names_of_the_caller": fields(
        user="u", safety_identifier="s", metadata={"a": "b"}, prompt_cache_key="k"
    ),
    "fast_is_priority": fields(service_tier="fast"),
    "truncation_is_told": fields(truncation="auto"),
    "an_unknown_field_is_told": fields(brand_new={"x": 1}),
    "p39_encrypted_is_no_schema_word": tools(
        function(
            parameters={
                "type": "object",
                "properties": {"a": {"type": "string", "encrypted": True}},
            }
        )
    ),
    "a_property_called_encrypted_stays": tools(
        function(parameters={"type": "object", "properties": {"encrypted": {"type": "boolean"}}})
    ),
    "p40_nulls_are_absent": tools(function(parameters=None, strict=None, description=None)),
    "p34_a_choice_without_tools": fields(tools=[], tool_choice="auto", parallel_tool_calls=False),
    "one_call_at_a_time": tools(function(), parallel_tool_calls=False, tool_choice="required"),
    "p01_namespaces_are_flat": tools(space("mcp", function(), function("g"), description="Of M.")),
    "the_namespace_functions_is_bare": tools(space("functions", function())),
    "a_namespace_that_ends_with_its_mark": tools(space("mcp__js__", function())),
    "p04_members_of_one_name": tools(space("a", function()), space("b", function())),
    "a_flat_name_is_cut": tools(space("n" * 60, function("long_name"))),
    "a_chosen_member": tools(
        space("mcp", function()), tool_choice={"type": "function", "name": "f", "namespace": "mcp"}
    ),
    "allowed_tools": tools(
        function(),
        tool_choice={
            "type": "allowed_tools",
            "mode": "auto",
            "tools": [{"type": "function", "name": "f"}],
        },
    ),
    "a_custom_tool": tools({"type": "custom", "name": "sh", "format": {"type": "text"}}),
    "p08_a_grammar": tools(
        {
            "type": "custom",
            "name": "patch",
            "format": {"type": "grammar", "syntax": "lark", "definition": "start: /x/"},
        }
    ),
    "p33_a_web_search": tools(
        {
            "type": "web_search",
            "search_context_size": "low",
            "user_location": {"type": "approximate", "country": "CH", "city": None},
            "filters": None,
        }
    ),
    "a_search_of_some_domains": tools(
        {"type": "web_search", "filters": {"allowed_domains": ["x.org"]}}
    ),
    "hosted_tools_are_native": tools({"type": "code_interpreter", "container": "auto"}, function()),
    "a_template_is_native": fields(prompt={"id": "pmpt_1"}),
    "p05_tools_in_the_input": items(
        {
            "type": "additional_tools",
            "role": "developer",
            "tools": [function(), space("m", function("g"))],
        },
        user(),
    ),
    "p06_a_search_for_tools": items(
        user(),
        {
            "type": "tool_search_call",
            "call_id": "c1",
            "execution": "client",
            "arguments": {"query": "q"},
        },
        {
            "type": "tool_search_output",
            "call_id": "c1",
            "execution": "client",
            "tools": [space("m", function())],
        },
        tools=[{"type": "tool_search", "execution": "client", "description": "Finds."}],
    ),
    "a_search_of_openais_is_native": items(
        user(), {"type": "tool_search_call", "execution": "server", "arguments": {}}
    ),
    "p10_calls_of_one_turn": items(user(), says("Two."), call(1), call(2), output(1), output(2)),
    "p12_calls_and_outputs_interleave": items(
        user(), call(1), call(2), output(2, "aborted"), call(3), output(1), output(3)
    ),
    "calls_one_after_the_other": items(user(), call(1), output(1), call(2), output(2)),
    "p11_a_message_before_the_output": items(user(), call(1), says("Wait."), output(1)),
    "an_output_behind_a_message_is_moved": items(user(), call(1), user("quick"), output(1)),
    "an_output_without_an_id": items(
        user(), call(1), {"type": "function_call_output", "output": "x"}
    ),
    "p03_history_has_flat_names": items(
        user(), call(1, namespace="mcp"), output(1), tools=[space("mcp", function())]
    ),
    "p07_a_custom_call": items(
        user(),
        {"type": "custom_tool_call", "call_id": "c1", "name": "sh", "input": "ls"},
        {
            "type": "custom_tool_call_output",
            "call_id": "c1",
            "output": [{"type": "input_text", "text": "a"}],
        },
    ),
    "p15_empty_arguments": items(user(), call(1, arguments=""), output(1)),
    "p41_a_picture_from_a_tool": items(
        user(),
        call(1),
        output(
            1, [{"type": "input_text", "text": "see"}, {"type": "input_image", "image_url": PIXEL}]
        ),
    ),
    "media_of_a_message": items(
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What?", "prompt_cache_breakpoint": {"ttl": "1h"}},
                {"type": "input_image", "image_url": PIXEL, "detail": "original"},
                {"type": "input_file", "file_url": "https://x.example/a.pdf", "filename": "a.pdf"},
                {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
            ],
        }
    ),
    "a_file_by_its_id_is_native": items(
        {"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}
    ),
    "a_refusal": items(
        user(), {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}, user("?")
    ),
    "our_state_goes_back": items(
        user(), says("A."), {"type": "reasoning", "summary": [], "encrypted_content": STATE}, user()
    ),
    "p30_reasoning_of_others_is_told": items(
        user(),
        {"type": "reasoning", "summary": [], "encrypted_content": "gAAAA"},
        says("A."),
        user(),
    ),
    "reasoning_in_clear_is_not_sent": items(
        user(),
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "t"}]},
        says("A."),
        user(),
    ),
    "p31_a_reference_to_reasoning": items(user(), {"type": "item_reference", "id": "rs_1"}),
    "a_summary_of_ours": items({"type": "compaction", "encrypted_content": SUMMARY}, user()),
    "a_summary_of_openais_is_native": items(
        {"type": "compaction", "encrypted_content": "gA"}, user()
    ),
    "p35_a_summary_is_asked_for": items(user(), {"type": "compaction_trigger"}, tools=[function()]),
    "the_last_settings_hold": items(
        user(),
        {"type": "configuration_update", "reasoning": {"effort": "low"}},
        reasoning={"effort": "high"},
    ),
    "a_picture_that_was_drawn": items(
        user(), {"type": "image_generation_call", "result": "iVBORw0KGgo="}, user()
    ),
    "what_a_search_found_is_said_again": items(
        user(), {"type": "web_search_call", "id": "ws_1"}, says("A."), user()
    ),
    "items_of_hosted_tools_are_native": items(user(), {"type": "mcp_call", "name": "x"}),
    "an_unknown_part": items({"role": "user", "content": [{"type": "smell"}]}),
    "an_unknown_tool": tools({"type": "teleport"}),
    "an_unknown_choice": tools(function(), tool_choice={"type": "sing"}),
    "an_unknown_include": fields(include=["everything"]),
    "an_unknown_format": fields(text={"format": {"type": "xml"}}),
    "an_unknown_item_is_native": items(user(), {"type": "brand_new_item", "x": 1}),
}

REFUSED: Final[dict[str, Any]] = {
    "no_model": {"input": "hi"},
    "no_input": {"model": "p"},
    "an_empty_input": items(),
    "p13_an_output_without_its_call": items(user(), output(9)),
    "a_call_without_its_output": items(user(), call(1)),
    "a_reference_that_is_not_kept": items({"type": "item_reference", "id": "msg_1"}),
    "a_trigger_in_the_middle": items({"type": "compaction_trigger"}, user()),
    "an_unknown_role": items({"role": "king", "content": "x"}),
    "two_tools_of_one_flat_name": tools(function("a__f"), space("a", function())),
    "background": fields(background=True),
    "a_conversation": fields(conversation="conv_1"),
    "words_of_chat": fields(max_tokens=5),
    "a_word_of_chat_alone": fields(n=2),
    "a_name_that_is_no_text": items(call(1, name=None), output(1)),
    "instructions_that_are_no_text": fields(instructions=["a"]),
    "no_object": ["model"],
}
