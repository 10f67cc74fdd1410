// What the scripts for Node's SDKs share: scenarios that report a line each, and what they ask.
import assert from "node:assert/strict";

export const { BASE_URL, KEY, MODEL } = process.env;
const only = (process.env.SCENARIOS ?? "").split(",").filter(Boolean);
export const NOBODY = "nobody-has-this-name";
export const GREETING = "Grüße \u2028 an 😀";
export const CALLS = 'Weather and time? [[sim: call get_weather {"city": "Åre"}]] [[sim: call now {}]]';
export const FOUND = [["get_weather", { city: "Åre" }], ["now", {}]];
export const RESULTS = { get_weather: "snow", now: "12:30" };
export const RATE_LIMIT = "[[sim: error 429 retry-after 7]]";
export const BROKEN = "[[sim: words 30]] [[sim: stream-error]]";
export const WORDS = "[[sim: words 30]]";
export const CITY = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
export const NOTHING = { type: "object", properties: {}, additionalProperties: false };
export const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

export function holds(text, ...wanted) {
  for (const word of wanted) assert.ok((text ?? "").includes(word), `${word} not in ${text}`);
}

export function manyWords(text) {
  assert.ok(text.split(" ").length >= 30, text);
}

export async function rejects(work, check) {
  let error;
  try {
    await work();
  } catch (caught) {
    error = caught;
  }
  assert.ok(error, "nothing was thrown");
  check(error);
}

// The stream ends with an error, after something of it had come.
export async function breaks(work, check) {
  const seen = [];
  await rejects(async () => {
    for await (const event of await work()) seen.push(event);
  }, check);
  assert.ok(seen.length, "nothing came before the error");
}

// Reads a stream to its end.
export async function drained(stream) {
  const seen = [];
  for await (const event of await stream) seen.push(event);
  return seen;
}

export async function run(scenarios) {
  for (const [scenario, work] of Object.entries(scenarios)) {
    if (only.length && !only.includes(scenario)) continue;
    const began = performance.now();
    let problem = "";
    try {
      await work();
    } catch (error) {
      problem = `${error.name}: ${error.message}`.slice(0, 600);
    }
    const seconds = Math.round(performance.now() - began) / 1000;
    console.log("@@ " + JSON.stringify({ scenario, problem, seconds }));
  }
}
