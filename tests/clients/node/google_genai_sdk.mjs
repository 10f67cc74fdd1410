// Google's SDK for Node.
import assert from "node:assert/strict";
import { GoogleGenAI } from "@google/genai";
import * as s from "./scenarios.mjs";

const clientOf = (apiKey) =>
  new GoogleGenAI({ apiKey, httpOptions: { baseUrl: s.BASE_URL, apiVersion: "v1beta", timeout: 30_000 } });
const client = clientOf(s.KEY);
const functionDeclarations = [
  { name: "get_weather", description: "The weather in a city.", parametersJsonSchema: s.CITY },
  { name: "now", description: "The time." },
];
const withTools = { tools: [{ functionDeclarations }] };
const ask = (contents, config = {}, model = s.MODEL) =>
  client.models.generateContent({ model, contents, config });
const streamed = (contents, config = {}) =>
  s.drained(client.models.generateContentStream({ model: s.MODEL, contents, config }));
const partsOf = (frames) => frames.flatMap((frame) => frame.candidates[0].content?.parts ?? []);
const text = (parts) => parts.map((part) => part.text ?? "").join("");

async function loop(turn) {
  const asked = [{ role: "user", parts: [{ text: s.CALLS }] }];
  const parts = await turn(asked);
  const calls = parts.filter((part) => part.functionCall).map((part) => part.functionCall);
  assert.deepEqual(calls.map((call) => [call.name, call.args ?? {}]), s.FOUND);
  const results = calls.map(({ id, name }) => ({
    functionResponse: { id, name, response: { output: s.RESULTS[name] } },
  }));
  const more = [...asked, { role: "model", parts }, { role: "user", parts: results }];
  s.holds(text(await turn(more)), ...Object.values(s.RESULTS));
}

await s.run({
  async plain() {
    const response = await ask(s.GREETING, { systemInstruction: "Be brief." });
    s.holds(response.text, s.GREETING);
    assert.equal(response.candidates[0].finishReason, "STOP");
  },
  async stream() {
    const frames = await streamed(s.WORDS);
    assert.equal(frames.at(-1).candidates[0].finishReason, "STOP");
    s.manyWords(text(partsOf(frames)));
  },
  async chat() {
    const conversation = client.chats.create({ model: s.MODEL });
    for (const message of ["one", "two", "three"]) {
      await s.drained(conversation.sendMessageStream({ message }));
    }
    const asked = conversation.getHistory(true).filter((content) => content.role === "user");
    assert.equal(asked.length, 3);
  },
  tools: () => loop(async (contents) => partsOf([await ask(contents, withTools)])),
  tools_stream: () => loop(async (contents) => partsOf(await streamed(contents, withTools))),
  async structured() {
    const config = { responseMimeType: "application/json", responseJsonSchema: s.CITY };
    const response = await ask("Name a city.", config);
    assert.deepEqual(Object.keys(JSON.parse(response.text)), ["city"]);
  },
  async vision() {
    const image = { inlineData: { mimeType: "image/png", data: s.PNG } };
    s.holds((await ask([{ role: "user", parts: [{ text: "What?" }, image] }])).text, "image/png");
  },
  async count_tokens() {
    const counted = await client.models.countTokens({ model: s.MODEL, contents: "hello there" });
    assert.ok(counted.totalTokens > 0);
  },
  async models() {
    const names = (await s.drained(client.models.list())).map((model) => model.name);
    assert.ok(names.includes(`models/${s.MODEL}`), names.join());
  },
  wrong_key: () =>
    s.rejects(
      () => clientOf("wrong").models.generateContent({ model: s.MODEL, contents: "hi" }),
      (error) => assert.equal(error.status, 401),
    ),
  unknown_model: () =>
    s.rejects(() => ask("hi", {}, s.NOBODY), (error) => assert.equal(error.status, 404)),
  rate_limit: () => s.rejects(() => ask(s.RATE_LIMIT), (error) => assert.equal(error.status, 429)),
  broken: () =>
    s.breaks(
      () => client.models.generateContentStream({ model: s.MODEL, contents: s.BROKEN }),
      (error) => assert.equal(error.name, "ApiError"),
    ),
});
