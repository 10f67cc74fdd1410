// Anthropic's SDK for Node.
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import * as s from "./scenarios.mjs";

const options = { baseURL: s.BASE_URL, apiKey: s.KEY, maxRetries: 0, timeout: 30_000 };
const client = new Anthropic(options);
const tools = [
  { name: "get_weather", description: "The weather in a city.", input_schema: s.CITY },
  { name: "now", description: "The time.", input_schema: s.NOTHING },
];
const ask = (content, more = {}) => ({
  model: s.MODEL, max_tokens: 4000, messages: [{ role: "user", content }], ...more,
});
const text = (message) => message.content.map((b) => (b.type === "text" ? b.text : "")).join("");
const create = (request) => client.messages.create(request);
const streamed = (request) => client.messages.stream(request).finalMessage();

async function loop(turn) {
  const request = ask(s.CALLS, { tools });
  const message = await turn(request);
  const calls = message.content.filter((block) => block.type === "tool_use");
  assert.equal(message.stop_reason, "tool_use");
  assert.deepEqual(calls.map((call) => [call.name, call.input]), s.FOUND);
  const content = calls.map((call) => ({
    type: "tool_result", tool_use_id: call.id, content: s.RESULTS[call.name],
  }));
  const messages = [
    ...request.messages, { role: "assistant", content: message.content }, { role: "user", content },
  ];
  s.holds(text(await turn({ ...request, messages })), ...Object.values(s.RESULTS));
}

await s.run({
  async plain() {
    const message = await create(ask(s.GREETING, { system: "Be brief." }));
    s.holds(text(message), s.GREETING);
    assert.equal(message.stop_reason, "end_turn");
  },
  async stream() {
    const message = await streamed(ask(s.WORDS));
    assert.equal(message.stop_reason, "end_turn");
    s.manyWords(text(message));
  },
  tools: () => loop(create),
  tools_stream: () => loop(streamed),
  async structured() {
    const output_config = { format: { type: "json_schema", schema: s.CITY } };
    const message = await create(ask("Name a city.", { output_config }));
    assert.deepEqual(Object.keys(JSON.parse(text(message))), ["city"]);
  },
  async vision() {
    const source = { type: "base64", media_type: "image/png", data: s.PNG };
    s.holds(text(await create(ask([{ type: "image", source }, { type: "text", text: "What?" }]))), "image/png");
  },
  async count_tokens() {
    const counted = await client.messages.countTokens({ model: s.MODEL, messages: ask("hi").messages });
    assert.ok(counted.input_tokens > 0);
  },
  async models() {
    const page = await client.models.list();
    assert.deepEqual([...new Set(page.data.map((model) => model.type))], ["model"]);
    const names = (await s.drained(client.models.list())).map((model) => model.id);
    assert.ok(names.includes(s.MODEL), names.join());
  },
  wrong_key: () =>
    s.rejects(
      () => new Anthropic({ ...options, apiKey: "wrong" }).messages.create(ask("hi")),
      (error) => assert.ok(error instanceof Anthropic.AuthenticationError, error),
    ),
  unknown_model: () =>
    s.rejects(
      () => create({ ...ask("hi"), model: s.NOBODY }),
      (error) => assert.ok(error instanceof Anthropic.NotFoundError, error),
    ),
  rate_limit: () =>
    s.rejects(
      () => create(ask(s.RATE_LIMIT)),
      (error) => assert.ok(error instanceof Anthropic.RateLimitError, error),
    ),
  broken: () =>
    s.breaks(
      () => create({ ...ask(s.BROKEN), stream: true }),
      (error) => assert.ok(error instanceof Anthropic.AnthropicError, error),
    ),
});
