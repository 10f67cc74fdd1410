// The official OpenAI SDK for Node against a gateway in demo mode: node check.mjs BASE_URL (run by .ci/run where node is there).
import assert from "node:assert/strict";
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.argv[2], apiKey: "unused", maxRetries: 0 });
const tools = [
  { type: "function", function: { name: "get_weather", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } } },
  { type: "function", function: { name: "now" } },
];
let checks = 0;

for (const model of ["code_assistant", "chatbot", "analyst"]) {
  const plain = await client.chat.completions.create({ model, messages: [{ role: "user", content: "Grüße 😀" }] });
  assert.match(plain.choices[0].message.content, /Grüße 😀/);

  const stream = client.chat.completions.stream({ model, messages: [{ role: "user", content: "[[sim: words 20]]" }], stream_options: { include_usage: true } });
  const streamed = await stream.finalChatCompletion();
  assert.equal(streamed.choices[0].finish_reason, "stop");
  assert.ok(streamed.choices[0].message.content.split(" ").length >= 20);
  assert.ok(streamed.usage.total_tokens > 0);

  const ask = '[[sim: think]] [[sim: call get_weather {"city": "Oslo"}]] [[sim: call now]]';
  const messages = [{ role: "user", content: ask }];
  const called = await client.chat.completions.stream({ model, messages, tools }).finalChatCompletion();
  const calls = called.choices[0].message.tool_calls;
  assert.deepEqual(calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]), [["get_weather", { city: "Oslo" }], ["now", {}]]);
  const history = [...messages, { role: "assistant", content: null, tool_calls: calls.map(({ id, type, function: f }) => ({ id, type, function: { name: f.name, arguments: f.arguments } })) }];
  for (const call of calls) history.push({ role: "tool", tool_call_id: call.id, content: "snow" });
  const second = await client.chat.completions.create({ model, messages: history, tools });
  assert.match(second.choices[0].message.content, /snow/);

  await assert.rejects(client.chat.completions.create({ model, messages: [{ role: "user", content: "[[sim: error 429 retry-after 7]]" }] }), OpenAI.RateLimitError);
  await assert.rejects(async () => {
    for await (const _ of await client.chat.completions.create({ model, messages: [{ role: "user", content: "[[sim: words 30]] [[sim: stream-error]]" }], stream: true }));
  }, OpenAI.APIError);
  checks += 6;
}
await assert.rejects(client.chat.completions.create({ model: "nobody", messages: [{ role: "user", content: "hi" }] }), OpenAI.NotFoundError);
console.log(`node: ${checks + 1} checks ok`);
