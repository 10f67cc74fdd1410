/* The console of LLM Router: one page over documented JSON routes. What comes from them is only ever text. */
"use strict";

const $ = (id) => document.getElementById(id);
const state = { session: null, personas: [], providers: [], stats: null, decisions: [], shown: 100, open: null, paused: false, after: "" };
const MOST = 1000;
const PAGE = 100;
const POLL = 5000;

/* ---- elements and numbers ---- */

function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}
const chip = (text, kind) => h("span", { class: `chip ${kind || ""}` }, text);
const quiet = (text) => h("span", { class: "quiet" }, text);
const fill = (element, ...children) => element.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));

const number = (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en", { maximumFractionDigits: 1 }));
function seconds(value) {
  if (value === null || value === undefined) return "–";
  return value < 0.9995 ? `${(value * 1000).toFixed(value < 0.01 ? 1 : 0)} ms` : `${value.toFixed(value < 10 ? 2 : 1)} s`;
}
function usd(value) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0";
  return value >= 1 ? value.toFixed(2) : value.toPrecision(2).replace(/e-7$/, "e-7");
}
const clock = (text) => new Date(text).toLocaleTimeString([], { hour12: false });
const share = (part, whole) => (whole ? `${number((100 * part) / whole)} %` : "–");

/* ---- words for what the routes say in codes ---- */

const REASONS = {
  missing_capability: "cannot do what is needed", too_many_tools: "takes fewer tools", context_overflow: "the prompt does not fit its window",
  condition: "its own condition does not hold", over_cost_tier: "too expensive a class for this persona", over_max_price: "costs more than the persona allows",
  outside_region: "outside the persona's regions", unavailable: "cannot be reached", cooldown: "set aside after failures", no_usable_key: "all its keys are set aside",
  ramping: "coming back, with a part of the requests", cannot_force_tools: "cannot be made to call a tool", max_output: "writes shorter answers",
};
const OUTCOMES = {
  ok: "answered", invalid_request: "bad request", not_authorized: "no valid key", no_target: "nobody can serve it", refused: "refused", upstream_error: "provider failed",
  stream_aborted: "stream broke off", client_gone: "caller left", restarting: "cut by a restart", internal_error: "gateway failed",
};
const WHY = {
  first: "first try", failover: "failover: the next target", retry: "retry of the same target", key: "same target, another key",
  hedge: "hedge: asked beside a slow one", resume: "resumes a broken answer",
};
function reason(text) {
  const word = REASONS[text.split(":")[0]];
  return word ? `${word} (${text})` : text;
}
const STATES = { closed: ["in use", "good"], open: ["set aside", "bad"], half_open: ["being probed", "warn"], ramping: ["coming back", "warn"] };

/* ---- asking ---- */

class Failed extends Error {
  constructor(status, message) { super(message); this.status = status; }
}
async function ask(path, body, method) {
  const options = { headers: { accept: "application/json" }, method: method || (body ? "POST" : "GET") };
  if (options.method !== "GET") options.headers["x-llm-router-console"] = "1";
  if (body) { options.headers["content-type"] = "application/json"; options.body = JSON.stringify(body); }
  let answer;
  try {
    answer = await fetch(`/console${path}`, options);
  } catch {
    throw new Failed(0, "The gateway does not answer.");
  }
  if (!answer.ok) throw await failure(answer);
  return answer;
}
async function failure(answer) {
  let message = `Status ${answer.status}`;
  try { message = (await answer.json()).error.message; } catch { /* no JSON: the status says it */ }
  return new Failed(answer.status, message);
}
async function json(path, body) { return (await ask(path, body)).json(); }
function trouble(error) {
  if (error && error.status === 401) { showLogin(); return; }
  $("trouble").hidden = !error;
  $("trouble").textContent = error ? error.message : "";
}

/* ---- coming in ---- */

async function start() {
  try {
    state.session = await json("/session");
  } catch (error) {
    if (error.status === 401) showLogin(); else trouble(error);
    return;
  }
  $("login").hidden = true;
  $("console").hidden = $("sections").hidden = false;
  $("logout").hidden = state.session.access !== "admin_key";
  $("welcome").hidden = !state.session.simulated;
  $("who").textContent = state.session.simulated ? "simulated" : state.session.role === "viewer" ? "you may look" : "";
  $("version").textContent = `LLM Router ${state.session.version}`;
  $("send").disabled = state.session.role === "viewer";
  $("try-about").textContent = state.session.simulated
    ? "The simulator answers: break a provider below, and watch another one take over."
    : "This asks real providers, and is paid for like any other request.";
  await refresh();
  if (!state.streaming) listen();
  if (!state.timer) state.timer = setInterval(() => { if (!document.hidden) refresh(); }, POLL);
}
function showLogin() {
  $("console").hidden = $("sections").hidden = true;
  $("login").hidden = false;
  $("logout").hidden = true;
  clearInterval(state.timer);
  state.timer = null;
  if (state.streaming) { state.streaming.close(); state.streaming = null; }
  $("key").focus();
}
$("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("refused").textContent = "";
  try {
    await ask("/session", { key: $("key").value });
    $("key").value = "";
    await start();
  } catch (error) {
    $("refused").textContent = error.message;
  }
});
$("logout").addEventListener("click", async () => {
  try { await ask("/session", null, "DELETE"); } catch (error) { trouble(error); }
  showLogin();
});

async function refresh() {
  try {
    const [stats, personas, providers] = await Promise.all([json("/api/v1/stats?window=1h&step=60s"), json("/api/v1/personas"), json("/api/v1/providers")]);
    state.recent = (await json("/api/v1/stats?window=5m&step=5m")).total;
    state.stats = stats;
    state.personas = personas.personas;
    state.providers = providers.providers;
    trouble(null);
  } catch (error) {
    trouble(error);
    return;
  }
  showNow();
  showPersonas();
  choices();
}

/* ---- now ---- */

function showNow() {
  const { stats, recent } = state;
  const tiles = [
    ["Requests per second", number(recent.requests / 300)], ["In flight", number(stats.in_flight)], ["Errors", share(recent.errors, recent.requests)],
    ["Extra attempts", number(recent.extra_attempts)], ["Median", seconds(recent.p50_seconds)], ["95th percentile", seconds(recent.p95_seconds)],
    ["First content, 95th", seconds(recent.first_content_p95_seconds)], ["USD, last hour", usd(stats.total.cost_usd)],
  ];
  fill($("tiles"), tiles.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value))));
  const workers = stats.workers ? `${stats.workers.listening} of ${stats.workers.configured} workers` : "one process";
  $("system").textContent = `Configuration revision ${stats.revision} · ${workers} · stored responses: ${stats.store} · ${number(stats.total.requests)} requests in the last hour`;
  const start = Math.floor(stats.time / 60) * 60 - 59 * 60;
  const x = Array.from({ length: 60 }, (_, i) => start + 60 * i);
  const points = new Map(stats.points.map((point) => [point.start, point]));
  const series = (field, none) => x.map((at) => (points.has(at) ? points.get(at)[field] : none));
  chart("requests", [x, series("requests", 0), series("errors", 0)], ["requests", "errors"], (v) => number(v));
  chart("seconds", [x, series("p50_seconds", null), series("p95_seconds", null)], ["median", "95th"], seconds);
}
const charts = {};
const dark = matchMedia("(prefers-color-scheme: dark)");
function chart(name, data, labels, format) {
  const place = $(`chart-${name}`);
  const size = { width: Math.max(200, place.clientWidth), height: 160 };
  if (charts[name]) {
    charts[name].setData(data);
    if (charts[name].width !== size.width) charts[name].setSize(size);
    return;
  }
  const css = (variable) => getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
  const axis = { stroke: css("--quiet"), grid: { stroke: css("--line"), width: 1 }, ticks: { stroke: css("--line"), width: 1 } };
  const line = (label, i) => ({ label, stroke: css(i ? "--bad" : "--blue"), width: 2, points: { show: name === "seconds", size: 5 }, value: (u, v) => (v === null || v === undefined ? "–" : format(v)), ...(name === "requests" && uPlot.paths.bars && !i ? { fill: css("--bar"), paths: uPlot.paths.bars({ size: [0.7, 40] }) } : {}) });
  charts[name] = new uPlot({
    ...size, padding: [8, 8, 0, 0], series: [{ value: (u, v) => (v ? clock(v * 1000) : "–") }, ...labels.map(line)],
    axes: [{ ...axis, values: (u, ticks) => ticks.map((t) => new Date(t * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false })) }, { ...axis, size: 62, values: (u, ticks) => ticks.map(format) }],
    scales: { y: { range: (u, low, high) => [0, high > 0 ? high * 1.1 : 1] } }, cursor: { drag: { x: false, y: false }, y: false },
  }, data, place);
}
function redraw() {
  for (const name of Object.keys(charts)) { charts[name].destroy(); delete charts[name]; }
  if (state.stats && !$("console").hidden) showNow();
}
dark.addEventListener("change", redraw);
addEventListener("resize", () => { clearTimeout(state.resized); state.resized = setTimeout(() => state.stats && showNow(), 150); });

/* ---- personas ---- */

function healthOf(provider, model) {
  const found = state.providers.find((p) => p.name === provider);
  return found && found.models.find((m) => m.id === model)?.health;
}
function targetState(target) {
  const health = healthOf(target.provider, target.model);
  const [word, kind] = STATES[health?.state] || STATES.closed;
  if (health && health.state !== "closed") {
    const until = health.retry_in_seconds ? `, ${seconds(health.retry_in_seconds)} to go` : "";
    const part = health.share ? `, ${share(health.share, 1)} of its requests` : "";
    return [chip(word, kind), quiet(`${health.reason || "failures"}${until}${part}`)];
  }
  return target.available ? [chip(word, kind)] : [chip("cannot serve", "bad"), quiet(target.reasons.map(reason).join("; "))];
}
function showPersonas() {
  const open = new Set([...document.querySelectorAll("#people details[open]")].map((d) => d.dataset.name));
  const focused = document.activeElement?.closest?.("#people details")?.dataset.name;
  const { stats } = state;
  fill($("people"), state.personas.map((persona) => {
    const counts = stats.personas[persona.name];
    const targets = persona.targets.map((target) => {
      const name = `${target.provider}/${target.model}`;
      const tried = stats.targets[name];
      return h("li", null, h("span", null, name), targetState(target), tried && quiet(`${number(tried.requests)} tries, ${share(tried.errors, tried.requests)} failed, p95 ${seconds(tried.p95_seconds)}`));
    });
    const figures = counts
      ? [`${number(counts.requests)} requests (${share(counts.requests, stats.total.requests)} of all)`, `${share(counts.errors, counts.requests)} errors`, `p95 ${seconds(counts.p95_seconds)}`, `${usd(counts.cost_usd)} USD`]
      : ["no requests in the last hour"];
    return h("article", { class: "card" },
      h("h3", null, persona.name, persona.available ? chip("can serve", "good") : chip("cannot serve", "bad")),
      h("p", null, persona.description || ""),
      h("div", { class: "facts quiet" }, figures.map((text) => h("span", null, text))),
      h("ol", { class: "targets" }, targets),
      h("details", { "data-name": persona.name, open: open.has(persona.name) }, h("summary", null, "Its rules and limits"), details(persona)));
  }));
  if (focused) document.querySelector(`#people details[data-name="${CSS.escape(focused)}"] summary`)?.focus();
}
function details(persona) {
  const last = state.decisions.find((d) => d.persona === persona.name);
  const rows = [
    ["order of targets", persona.strategy], ["rules", persona.rules.join(", ") || "none"], ["needs", persona.requires.join(", ") || "nothing special"],
    ["defaults", JSON.stringify(persona.defaults)], ["caps", JSON.stringify(persona.caps)], ["most expensive class", persona.max_cost_tier || "any"],
    ["hedges slow answers", persona.hedge ? "yes" : "no"], ["resumes broken answers", persona.resume ? "yes" : "no"],
  ];
  return h("div", null, h("ul", null, rows.map(([name, value]) => h("li", null, quiet(`${name}: `), value))),
    last && h("button", { type: "button", onclick: () => reveal(last.id) }, "Its newest decision"));
}

/* ---- choices of a persona ---- */

function choices() {
  const names = state.personas.map((p) => p.name);
  if (state.names === names.join("\n")) return;
  state.names = names.join("\n");
  for (const [id, first] of [["persona", []], ["c-persona", []], ["f-persona", [h("option", { value: "" }, "all")]]]) {
    const before = $(id).value;
    const usual = id === "f-persona" ? "" : (state.personas.find((p) => p.available && p.name === "chatbot") || state.personas.find((p) => p.available) || { name: names[0] }).name;
    fill($(id), first, names.map((name) => h("option", { value: name }, name)));
    $(id).value = names.includes(before) ? before : usual;
  }
  faults();
  composed();
  setups();
}

/* ---- try it ---- */

const FAULTS = [
  ["", "works"], ["error 503", "is down (503)"], ["error 429 retry-after 20", "rate limit (429)"], ["reset", "breaks connections"], ["cut 2", "breaks off mid-answer"], ["delay 3", "is slow (3 s)"],
];
function faults() {
  $("break").hidden = !state.session.simulated;
  const dialects = [...new Set(state.providers.map((p) => p.dialect))].filter((d) => ["openai", "claude", "gemini"].includes(d)).sort();
  fill($("faults"), dialects.map((dialect) => h("label", null, dialect,
    h("select", { "data-dialect": dialect, onchange: composed }, FAULTS.map(([value, text]) => h("option", { value }, text))))));
}
function body() {
  const directives = [...document.querySelectorAll("#faults select")].filter((s) => s.value).map((s) => ` [[sim: ${s.value} on ${s.dataset.dialect}]]`);
  return { model: $("persona").value, messages: [{ role: "user", content: $("message").value + directives.join("") }], stream: $("stream").checked };
}
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
function composed() {
  const key = state.session.keys ? " \\\n  -H 'authorization: Bearer YOUR_KEY'" : "";
  $("curl").textContent = `curl ${location.origin}/v1/chat/completions${key} \\\n  -H 'content-type: application/json' \\\n  -d ${quoted(JSON.stringify(body()))}`;
  const persona = state.personas.find((p) => p.name === $("persona").value);
  $("persona-about").textContent = persona ? persona.description : "";
}
$("request").addEventListener("input", composed);

function planned(plan) {
  const targets = plan.targets.map((t) => h("li", null,
    chip({ chosen: "asked first", eligible: "stands by", rejected: "not asked" }[t.verdict] || t.verdict, { chosen: "good", rejected: "bad" }[t.verdict]),
    h("span", null, `${t.provider}/${t.model}`),
    t.expected_cost_usd !== null && quiet(`about ${usd(t.expected_cost_usd)} USD`),
    t.reasons.length > 0 && quiet(t.reasons.map(reason).join("; "))));
  const by = [`strategy “${plan.strategy}”`, plan.rule && `rule “${plan.rule}”`, plan.pinned && `the conversation stays with ${plan.pinned}`, plan.estimated_tokens !== null && `about ${number(plan.estimated_tokens)} tokens`];
  const needs = plan.requirements.map((r) => `${r.capability} (${r.cause})`).join(", ");
  return h("div", null, h("p", { class: "quiet" }, `By ${by.filter(Boolean).join(", ")}.${needs ? ` Needed: ${needs}.` : ""}`), h("ol", { class: "targets" }, targets));
}
$("plan").addEventListener("click", async () => {
  try {
    const plan = await json("/api/v1/route", body());
    fill($("result"), h("p", null, h("b", null, "The plan. "), "No provider was asked."), planned(plan));
  } catch (error) {
    if (error.status === 401) trouble(error);
    fill($("result"), h("p", { class: "bad" }, error.message));
  }
});
$("request").addEventListener("submit", async (event) => {
  event.preventDefault();
  const began = performance.now();
  const text = h("div", { class: "answer" });
  const note = h("p", { class: "quiet" }, "Sent: waiting for the first content …");
  const beneath = h("div");
  fill($("result"), note, text, beneath);
  $("send").disabled = true;
  try {
    const request = body();
    const answer = await ask("/v1/chat/completions", request);
    const header = (name) => answer.headers.get(`x-llm-router-${name}`);
    const who = () => `${header("provider")}/${header("model")}`;
    if (request.stream) {
      note.textContent = `${who()} answers …`;
      await read(answer, text);
    } else {
      text.textContent = (await answer.json()).choices[0].message.content;
    }
    fill(note, chip("answered", "good"), ` by ${who()} in ${seconds((performance.now() - began) / 1000)}`);
    await explained(header("decision"), beneath);
  } catch (error) {
    if (error.status === 401) trouble(error);
    fill(note, chip("failed", "bad"), ` ${error.message}`);
    if (!text.textContent) text.remove();
    await explained(null, beneath);
  }
  $("send").disabled = state.session.role === "viewer";
});
async function read(answer, text) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const data = event.startsWith("data: ") && event !== "data: [DONE]" ? JSON.parse(event.slice(6)) : null;
      if (data && data.error) throw new Failed(200, data.error.message);
      const delta = data && data.choices && data.choices[0] && data.choices[0].delta;
      if (delta && delta.content) text.append(delta.content);
    }
  }
}
async function explained(name, place) {
  /* the decision is closed a moment after the last byte */
  await new Promise((done) => setTimeout(done, 150));
  const found = name || (await json("/api/v1/decisions").catch(() => null))?.decisions[0]?.id;
  if (!found) return;
  const decision = await json(`/api/v1/decisions/${found}`).catch(() => null);
  if (!decision) return;
  const moved = (decision.attempts || []).length > 1;
  fill(place, moved && h("p", null, h("b", null, "More than one try: "), "what failed was hidden from the caller as far as possible."),
    waterfall(decision), h("p", null, h("button", { type: "button", onclick: () => reveal(found) }, "Open this decision")));
}

/* ---- decisions ---- */

function listen() {
  const source = new EventSource("/console/api/v1/decisions");
  state.streaming = source;
  const live = (text, kind) => { $("live").textContent = text; $("live").className = `chip ${kind}`; };
  source.addEventListener("open", () => live(state.paused ? "paused" : "live", "good"));
  source.addEventListener("error", () => {
    live("reconnecting", "warn");
    if (source.readyState === EventSource.CLOSED) {
      state.streaming = null;
      setTimeout(() => { if (!state.streaming && !$("console").hidden) listen(); }, 3000);
    }
  });
  source.addEventListener("decisions", (event) => {
    const { decisions } = JSON.parse(event.data);
    const known = new Set(state.decisions.map((d) => d.id));
    state.decisions = [...decisions.filter((d) => !known.has(d.id)), ...state.decisions].slice(0, MOST);
    if (!state.paused && !state.drawing) {
      state.drawing = true;
      requestAnimationFrame(() => { state.drawing = false; showDecisions(); });
    }
  });
}
function fits(d) {
  const outcome = $("f-outcome").value;
  const ok = d.outcome === "ok";
  return (!$("f-persona").value || d.persona === $("f-persona").value) && (!$("f-key").value || (d.key || "").startsWith($("f-key").value.trim()))
    && (!outcome || (outcome === "failed" ? !ok : ok && (outcome === "ok" || d.attempts.length > 1)));
}
const rowOf = new Map();
function showDecisions() {
  const fitting = state.decisions.filter(fits);
  const visible = fitting.slice(0, state.shown);
  const wanted = [];
  for (const decision of visible) {
    if (!rowOf.has(decision.id)) rowOf.set(decision.id, row(decision));
    wanted.push(rowOf.get(decision.id));
    if (state.open?.id === decision.id) wanted.push(state.open.row);
  }
  const kept = new Set(visible.map((d) => d.id));
  for (const id of rowOf.keys()) if (!kept.has(id)) rowOf.delete(id);
  /* only what changes is touched: a row that has the focus keeps it */
  const rows = $("rows");
  const keep = new Set(wanted);
  for (const child of [...rows.children]) if (!keep.has(child)) child.remove();
  wanted.forEach((element, i) => { if (rows.children[i] !== element) rows.insertBefore(element, rows.children[i] || null); });
  $("none").hidden = visible.length > 0;
  fill($("none"), state.decisions.length ? "No decision fits these filters." : ["Nothing yet. ", h("a", { href: "#try" }, "Send a request"), ", and it appears here."]);
  $("more").hidden = fitting.length <= state.shown;
}
function row(d) {
  const kind = d.outcome === "ok" ? (d.attempts.length > 1 ? "warn" : "good") : d.status >= 500 || d.outcome === "stream_aborted" ? "bad" : "warn";
  const word = d.outcome === "ok" && d.attempts.length > 1 ? "answered after a failure" : OUTCOMES[d.outcome] || d.outcome;
  const hedged = word.startsWith("answered after") && d.attempts.some((a) => a.why === "hedge");
  const tokens = d.prompt_tokens === null ? "–" : `${number(d.prompt_tokens)} → ${number(d.completion_tokens)}`;
  return h("tr", null,
    h("td", null, h("button", { type: "button", "aria-expanded": "false", "data-id": d.id, "aria-label": `Decision of ${clock(d.time)}, ${d.persona}: ${word}`, onclick: () => toggle(d.id) }, clock(d.time))),
    h("td", null, d.persona || "–"), h("td", null, d.served || "–"), h("td", null, chip(hedged ? "answered, hedged" : word, kind), d.outcome !== "ok" && quiet(` ${d.status}`)),
    h("td", { class: "n" }, number(d.attempts.length)), h("td", { class: "n" }, seconds(d.ms / 1000)), h("td", { class: "n" }, tokens), h("td", { class: "n" }, usd(d.cost_usd)));
}
async function toggle(id) {
  const before = state.open;
  if (before) {
    document.querySelector(`#rows button[data-id="${CSS.escape(before.id)}"]`)?.setAttribute("aria-expanded", "false");
    state.open = null;
  }
  if (before?.id !== id) {
    const cell = h("td", { colspan: 8, class: "open" }, quiet("Loading …"));
    state.open = { id, row: h("tr", null, cell) };
    document.querySelector(`#rows button[data-id="${CSS.escape(id)}"]`)?.setAttribute("aria-expanded", "true");
    showDecisions();
    try {
      fill(cell, whole(await json(`/api/v1/decisions/${id}`), state.decisions.find((d) => d.id === id)));
    } catch (error) {
      fill(cell, h("p", { class: "bad" }, error.message));
    }
    return;
  }
  showDecisions();
}
function reveal(id) {
  for (const name of ["f-persona", "f-outcome", "f-key"]) $(name).value = "";
  if (state.paused) $("pause").click();
  const at = state.decisions.findIndex((d) => d.id === id);
  if (at >= state.shown) state.shown = at + 1;
  showDecisions();
  if (state.open?.id !== id) toggle(id);
  const button = document.querySelector(`#rows button[data-id="${CSS.escape(id)}"]`);
  (button || $("decisions")).scrollIntoView({ block: "center" });
  button?.focus({ preventScroll: true });
}
function waterfall(decision) {
  const attempts = decision.attempts || [];
  if (!attempts.length) return h("p", { class: "quiet" }, "No provider was asked.");
  const timed = state.decisions.find((d) => d.id === decision.id)?.attempts;
  let at = 0;
  const spans = attempts.map((a, i) => {
    const began = timed?.[i]?.began_ms ?? at; /* not in the list any more: one after the other */
    at = Math.max(at, began + a.ms);
    return [began, a];
  });
  return h("ol", { class: "fall" }, spans.map(([began, a]) => {
    const bar = h("i", { class: a.outcome === "ok" ? "ok" : "" });
    bar.style.marginLeft = `${Math.min(99, (100 * began) / (at || 1))}%`;
    bar.style.width = `${(100 * a.ms) / (at || 1)}%`;
    return h("li", null, h("div", null, chip(a.outcome, a.outcome === "ok" ? "good" : a.outcome === "cancelled" ? "" : "bad"), ` ${a.target} `, quiet(`${seconds(a.ms / 1000)} · ${WHY[a.why] || a.why}`)), h("div", { class: "track", "aria-hidden": "true" }, bar));
  }));
}
function whole(decision, line) {
  const trace = line && line.trace_id && state.session.trace_url;
  const said = [
    ["request", decision.request_id], ["decision", decision.id], ["status", `${decision.status}${decision.error_code ? ` ${decision.error_code}` : ""}`],
    line && ["first content", seconds(line.first_content_ms === null ? null : line.first_content_ms / 1000)], line && line.key && ["key", line.key],
    line && line.dropped.length > 0 && ["parameters not told", line.dropped.join(", ")], ["revision", decision.revision],
  ].filter(Boolean);
  return h("div", { class: "inside" },
    h("div", null, h("h3", null, "Attempts"), waterfall(decision),
      decision.resumed && decision.resumed.map((r) => h("p", null, `Broke off after ${number(r.after_characters)} characters; ${r.provider}/${r.model} went on.`)),
      h("p", { class: "facts quiet" }, said.map(([name, value]) => h("span", null, `${name}: ${value}`))),
      trace && h("a", { href: trace.replace("{trace_id}", encodeURIComponent(line.trace_id)), rel: "noreferrer" }, "Its trace")),
    h("div", null, h("h3", null, "Plan"), planned(decision)));
}
for (const id of ["f-persona", "f-outcome", "f-key"]) $(id).addEventListener("input", () => { state.shown = PAGE; showDecisions(); });
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("more").addEventListener("click", () => { state.shown += PAGE; showDecisions(); });
$("pause").addEventListener("click", () => {
  state.paused = !state.paused;
  $("pause").setAttribute("aria-pressed", String(state.paused));
  $("pause").textContent = state.paused ? "Go on" : "Pause";
  $("live").textContent = state.paused ? "paused" : "live";
  if (!state.paused) showDecisions();
});

/* ---- connect ---- */

function setups() {
  const at = location.origin;
  const persona = $("c-persona").value || "PERSONA";
  const key = state.session.keys ? "YOUR_KEY" : "any-text";
  $("connect-about").textContent = state.session.keys
    ? "Take a key of this gateway for YOUR_KEY. Applications change their base URL and their model; nothing else."
    : "This gateway asks for no key: where a tool wants one, any text will do. Applications change their base URL and their model; nothing else.";
  const texts = [
    ["curl", `curl ${at}/v1/chat/completions \\\n  -H 'authorization: Bearer ${key}' -H 'content-type: application/json' \\\n  -d ${quoted(JSON.stringify({ model: persona, messages: [{ role: "user", content: "Hello" }] }))}`],
    ["OpenAI SDK, Python", `from openai import OpenAI\n\nclient = OpenAI(base_url="${at}/v1", api_key="${key}")\nanswer = client.chat.completions.create(\n    model="${persona}", messages=[{"role": "user", "content": "Hello"}]\n)\nprint(answer.choices[0].message.content)`],
    ["OpenAI SDK, JavaScript", `import OpenAI from "openai";\n\nconst client = new OpenAI({ baseURL: "${at}/v1", apiKey: "${key}" });\nconst answer = await client.chat.completions.create({\n  model: "${persona}", messages: [{ role: "user", content: "Hello" }],\n});\nconsole.log(answer.choices[0].message.content);`],
    ["Anthropic SDK, Python", `from anthropic import Anthropic\n\nclient = Anthropic(base_url="${at}", api_key="${key}")\nanswer = client.messages.create(\n    model="${persona}", max_tokens=200, messages=[{"role": "user", "content": "Hello"}]\n)\nprint(answer.content[0].text)`],
    ["Claude Code", `export ANTHROPIC_BASE_URL=${at}\nexport ANTHROPIC_AUTH_TOKEN=${key}\nexport ANTHROPIC_MODEL=${persona}\nexport ANTHROPIC_SMALL_FAST_MODEL=${persona}\nclaude`],
    ["Codex (~/.codex/config.toml)", `model = "${persona}"\nmodel_provider = "llm_router"\n\n[model_providers.llm_router]\nname = "LLM Router"\nbase_url = "${at}/v1"\nenv_key = "LLM_ROUTER_KEY"   # export LLM_ROUTER_KEY=${key}\nwire_api = "responses"`],
    ["gemini-cli", `export GOOGLE_GEMINI_BASE_URL=${at}\nexport GEMINI_API_KEY=${key}\ngemini -m ${persona}`],
  ];
  fill($("setups"), texts.map(([name, text]) => {
    const button = h("button", { type: "button", "aria-label": `Copy the settings of ${name}` }, "Copy");
    const pre = h("pre", { tabindex: "0", "aria-label": name }, text);
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(pre); /* plain http elsewhere than on this machine has no clipboard */
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    return h("div", { class: "setup" }, h("h3", null, name, button), pre);
  }));
}
$("c-persona").addEventListener("input", setups);

start();
