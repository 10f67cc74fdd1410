// OpenAI's SDK for Node, the Responses API.
import assert from "node:assert/strict";
import OpenAI from "openai";
import * as s from "./scenarios.mjs";

const options = { baseURL: `${s.BASE_URL}/v1`, apiKey: s.KEY, maxRetries: 0, timeout: 30_000 };
const client = new OpenAI(options);
const tools = [
  { type: "function", name: "get_weather", parameters: s.CITY, strict: true },
  { type: "function", name: "now", parameters: s.NOTHING, strict: false },
];
const ask = (content, more = {}) => ({ model: s.MODEL, input: [{ role: "user", content }], ...more });
const create = (request) => client.responses.create(request);
const streamed = (request) => client.responses.stream(request).finalResponse();

async function loop(turn) {
  const request = ask(s.CALLS, { tools, store: false, include: ["reasoning.encrypted_content"] });
  const response = await turn(request);
  const calls = response.output.filter((item) => item.type === "function_call");
  assert.deepEqual(calls.map((call) => [call.name, JSON.parse(call.arguments)]), s.FOUND);
  const said = response.output.map(({ parsed_arguments, ...item }) => item);
  const results = calls.map((call) => ({
    type: "function_call_output", call_id: call.call_id, output: s.RESULTS[call.name],
  }));
  const second = await turn({ ...request, input: [...request.input, ...said, ...results] });
  s.holds(second.output_text, ...Object.values(s.RESULTS));
}

await s.run({
  async plain() {
    const response = await create(ask(s.GREETING, { instructions: "Be brief." }));
    s.holds(response.output_text, s.GREETING);
    assert.equal(response.status, "completed");
  },
  async stream() {
    const response = await streamed(ask(s.WORDS));
    assert.equal(response.status, "completed");
    s.manyWords(response.output_text);
  },
  tools: () => loop(create),
  tools_stream: () => loop(streamed),
  async structured() {
    const format = { type: "json_schema", name: "city", strict: true, schema: s.CITY };
    const response = await client.responses.parse(ask("Name a city.", { text: { format } }));
    assert.deepEqual(Object.keys(response.output_parsed), ["city"]);
  },
  async vision() {
    const image_url = `data:image/png;base64,${s.PNG}`;
    const parts = [
      { type: "input_text", text: "What?" }, { type: "input_image", image_url, detail: "auto" },
    ];
    s.holds((await create(ask(parts))).output_text, "image/png");
  },
  async stored() {
    const first = await create(ask("Remember the word heliotrope."));
    assert.equal((await client.responses.retrieve(first.id)).output_text, first.output_text);
    const second = await create(ask("Go on.", { previous_response_id: first.id }));
    assert.equal(second.status, "completed");
  },
  async embeddings() {
    const embed = (more) =>
      client.embeddings.create({ model: "embeddings", input: ["Grüße", "an 😀"], ...more });
    const asBase64 = await embed({}); // the SDK asks for base64 and decodes it
    const asFloats = await embed({ encoding_format: "float" });
    assert.deepEqual(asBase64.data.map((each) => each.index), [0, 1]);
    for (const [i, { embedding }] of asFloats.data.entries()) {
      assert.equal(embedding.length, 1536);
      embedding.forEach((value, k) =>
        assert.ok(Math.abs(value - asBase64.data[i].embedding[k]) < 1e-6));
    }
    assert.equal((await embed({ dimensions: 256 })).data[0].embedding.length, 256);
    assert.ok(asFloats.usage.prompt_tokens > 0);
  },
  async models() {
    const names = (await s.drained(client.models.list())).map((model) => model.id);
    assert.ok(names.includes(s.MODEL), names.join());
  },
  wrong_key: () =>
    s.rejects(
      () => new OpenAI({ ...options, apiKey: "wrong" }).responses.create(ask("hi")),
      (error) => assert.ok(error instanceof OpenAI.AuthenticationError, error),
    ),
  unknown_model: () =>
    s.rejects(
      () => create({ ...ask("hi"), model: s.NOBODY }),
      (error) => assert.ok(error instanceof OpenAI.NotFoundError, error),
    ),
  rate_limit: () =>
    s.rejects(
      () => create(ask(s.RATE_LIMIT)),
      (error) => assert.ok(error instanceof OpenAI.RateLimitError, error),
    ),
  broken: () =>
    s.breaks(
      () => create({ ...ask(s.BROKEN), stream: true }),
      (error) => assert.ok(error instanceof OpenAI.APIError, error),
    ),
});
