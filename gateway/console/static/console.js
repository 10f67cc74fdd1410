/* One page over documented JSON routes. What comes from them is only ever text. */
"use strict";

const $ = (id) => document.getElementById(id);
const MOST = 1000;
const PAGE = 100;
const PART = 25; /* rows that are laid out together, once in view */
const state = { personas: [], providers: [], decisions: [], number: 0, shown: PAGE };

/* elements and numbers */

/* h("p.quiet", { id: "x" }, "text", [nodes]): class, attributes, children. What is false or null is left out. */
const there = (parts) => parts.flat().filter(Boolean);
function h(tag, ...parts) {
	const [name, ...classes] = tag.split(".");
	const element = document.createElement(name);
	if (classes[0]) element.className = classes.join(" ");
	if (name === "button") element.type = "button";
	const attributes = parts[0]?.constructor === Object ? parts.shift() : {};
	for (const [name, value] of Object.entries(attributes)) {
		if (typeof value === "function") element.addEventListener(name.slice(2), value);
		else if (name in element && typeof value !== "string") element[name] = value;
		else element.setAttribute(name, value);
	}
	element.append(...there(parts));
	return element;
}
const chip = (text, kind) => h(kind ? `span.chip.${kind}` : "span.chip", text);
const quiet = (...parts) => h("span.quiet", ...parts);
const fill = (element, ...parts) => element.replaceChildren(...there(parts));
const on = (id, event, handler) => $(id).addEventListener(event, handler);
const say = (id, text) => { $(id).textContent = text; };
/* What a form does when it is sent; what went wrong is said at `id`. */
const sent = (form, id, work) => on(form, "submit", async (event) => {
	event.preventDefault();
	say(id, "");
	await work().catch((error) => say(id, error.message));
});

const known = (written) => (value) => (value == null ? "–" : written(value));
/* kept, as to make one takes longer than a row */
const [medium, short] = ["medium", "short"].map((timeStyle) => new Intl.DateTimeFormat([], { timeStyle, hourCycle: "h23" }).format);
const number = known(new Intl.NumberFormat("en", { maximumFractionDigits: 1 }).format);
const seconds = known((value) => (value < 1 ? `${number(value * 1000)} ms` : `${value.toFixed(2)} s`));
const usd = known((value) => (value >= 1 ? value.toFixed(2) : value ? value.toPrecision(2) : "0"));
const clock = (text) => medium(new Date(text));
const share = (part, whole) => (whole ? `${number((100 * part) / whole)} %` : "–");

/* words for what the routes say in codes */

const REASONS = {
	missing_capability: "cannot do what is needed", too_many_tools: "takes fewer tools", context_overflow: "the prompt is too long for it",
	condition: "its condition does not hold", over_cost_tier: "too expensive a class", over_max_price: "costs too much for this persona",
	outside_region: "outside the persona's regions", unavailable: "cannot be reached", cooldown: "set aside after failures", no_usable_key: "all its keys are set aside",
	ramping: "coming back", cannot_force_tools: "cannot be made to call a tool", max_output: "writes shorter answers",
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

/* asking */

const failed = (status, message) => Object.assign(new Error(message), { status });
async function ask(path, body, method) {
	const options = { headers: { accept: "application/json" }, method: method || (body ? "POST" : "GET") };
	if (options.method !== "GET") options.headers["x-llm-router-console"] = "1";
	if (body) { options.headers["content-type"] = "application/json"; options.body = JSON.stringify(body); }
	const answer = await fetch(`/console${path}`, options).catch(() => { throw failed(0, "No answer from the gateway."); });
	if (answer.ok) return answer;
	const told = await answer.json().catch(() => null);
	throw failed(answer.status, told?.error?.message || `Status ${answer.status}`);
}
async function json(path, body) { return (await ask(path, body)).json(); }
function trouble(error) {
	if (error?.status === 401) return showLogin();
	$("trouble").hidden = !error;
	say("trouble", error?.message);
}

/* coming in */

async function start() {
	try {
		state.session = await json("/session");
	} catch (error) {
		return trouble(error);
	}
	const { access, role, simulated, administrates, version } = state.session;
	$("login").hidden = true;
	$("console").hidden = $("sections").hidden = false;
	$("logout").hidden = access === "proxy" || !administrates;
	$("welcome").hidden = !simulated;
	say("who", simulated ? "simulated" : role === "viewer" ? "you may look" : "");
	say("version", `LLM Router ${version}`);
	$("send").disabled = role === "viewer";
	say("try-about", simulated ? "The simulator answers: break a provider, and watch another one take over." : "Real providers are asked, and paid.");
	state.polls = 0;
	await refresh();
	if (!state.streaming) listen();
	state.timer ||= setInterval(() => { if (!document.hidden) refresh(); }, 5000);
}
function showLogin() {
	$("console").hidden = $("sections").hidden = $("logout").hidden = true;
	$("login").hidden = false;
	state.timer = clearInterval(state.timer);
	state.streaming = state.streaming?.close();
	$("key").focus();
}
sent("login", "refused", async () => {
	await ask("/session", { key: $("key").value });
	$("key").value = "";
	await start();
});
on("logout", "click", async () => {
	try { await ask("/session", null, "DELETE"); } catch (error) { trouble(error); }
	await start();
});

async function refresh() {
	try {
		const [stats, recent, { personas }, { providers }] = await Promise.all(["stats?step=60s", "stats?window=5m&step=5m", "personas", "providers"].map((path) => json(`/api/v1/${path}`)));
		Object.assign(state, { stats, recent: recent.total, personas, providers });
		showNow();
		showPersonas();
		choices();
		if (state.polls++ % 12 === 0) await showCounted(); /* each minute */
		trouble(null);
	} catch (error) {
		trouble(error);
	}
}

/* now */

function showNow() {
	const { stats, recent } = state;
	const tiles = [
		["Requests a second", number(recent.requests / 300)], ["In flight", number(stats.in_flight)], ["Errors", share(recent.errors, recent.requests)],
		["Extra attempts", number(recent.extra_attempts)], ["Median", seconds(recent.p50_seconds)], ["95th percentile", seconds(recent.p95_seconds)],
		["First content, 95th", seconds(recent.first_content_p95_seconds)], ["USD, last hour", usd(stats.total.cost_usd)],
	];
	fill($("tiles"), tiles.map(([name, value]) => h("div", h("dt", name), h("dd", value))));
	const workers = stats.workers ? `${stats.workers.listening} of ${stats.workers.configured} workers` : "one process";
	say("system", `Configuration revision ${stats.revision} · ${workers} · ${number(stats.total.requests)} requests in the last hour`);
	const start = Math.floor(stats.time / 60) * 60 - 59 * 60;
	const x = Array.from({ length: 60 }, (_, i) => start + 60 * i);
	const points = new Map(stats.points.map((point) => [point.start, point]));
	const series = (field, none) => x.map((at) => (points.has(at) ? points.get(at)[field] : none));
	chart("requests", [x, series("requests", 0), series("errors", 0)], [["requests", "--bar", true], ["errors", "--bad"]], number);
	chart("seconds", [x, series("p50_seconds", null), series("p95_seconds", null)], [["median", "--blue"], ["95th", "--bad"]], seconds);
}
const charts = {};
const minute = (t) => short(t * 1000);
/* `lines`: label, colour, whether it is bars, what the legend says where that is not what is drawn. */
function chart(name, data, lines, format, time = minute) {
	if (charts[name]) return charts[name].setData(data);
	const place = $(`chart-${name}`);
	const days = time === day;
	const css = (variable) => getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
	const thin = { stroke: css("--line"), width: 1 };
	const axis = { stroke: css("--quiet"), grid: thin, ticks: thin };
	const line = ([label, colour, bars, said]) => ({
		label, stroke: css(colour), width: bars ? 0 : 2, points: { show: !lines[0][2], size: 5 }, value: (u, v, s, i) => (v == null ? "–" : format(said ? said[i] : v)),
		...(bars && { fill: css(colour), paths: uPlot.paths.bars({ size: [0.7, 40] }) }),
	});
	charts[name] = new uPlot({
		width: Math.max(200, place.clientWidth), height: 160, padding: [8, 20, 0, 0], series: [{ value: (u, v) => (v ? time(v) : "–") }, ...lines.map(line)],
		axes: [{ ...axis, values: (u, ticks) => ticks.map((t) => time(t).slice(-5)), ...(days && { splits: ({ data: [x], width }) => x.filter((_, i) => i % Math.ceil((x.length * 60) / width) === 0) }) }, { ...axis, size: 78, values: (u, ticks) => ticks.map(format) }],
		scales: { x: days && { range: (u, first, last) => [first - DAY / 2, last + DAY / 2] }, y: { range: (u, low, high) => [0, high > 0 ? high * 1.1 : 1] } }, cursor: { drag: { x: false, y: false }, y: false },
	}, data, place);
}
function redraw() {
	for (const name in charts) { charts[name].destroy(); delete charts[name]; }
	if (!state.stats || $("console").hidden) return;
	showNow();
	if (counted()) showSpend().catch(trouble);
}
matchMedia("(prefers-color-scheme: dark)").onchange = redraw;
addEventListener("resize", () => { clearTimeout(state.resized); state.resized = setTimeout(redraw, 150); });

/* personas */

function targetState(target) {
	const health = state.providers.find((p) => p.name === target.provider)?.models.find((m) => m.id === target.model)?.health;
	const [word, kind] = STATES[health?.state || "closed"];
	if (kind !== "good") {
		const left = [health.reason || "failures", health.retry_in_seconds && `${seconds(health.retry_in_seconds)} to go`, health.share && `${share(health.share, 1)} of its requests`];
		return [chip(word, kind), quiet(left.filter(Boolean).join(", "))];
	}
	return target.available ? [chip(word, kind)] : [chip("cannot serve", "bad"), quiet(target.reasons.map(reason).join("; "))];
}
function showPersonas() {
	const open = [...document.querySelectorAll("#people [open]")].map((d) => d.dataset.name);
	const focused = document.activeElement.closest("#people details")?.dataset.name;
	const { stats } = state;
	fill($("people"), state.personas.map((persona) => {
		const counts = stats.personas[persona.name];
		const targets = persona.targets.map((target) => {
			const name = `${target.provider}/${target.model}`;
			const tried = stats.targets[name];
			return h("li", h("span", name), targetState(target), tried && quiet(`tries: ${number(tried.requests)}, ${share(tried.errors, tried.requests)} failed, p95 ${seconds(tried.p95_seconds)}`));
		});
		const figures = counts
			? [`requests: ${number(counts.requests)} (${share(counts.requests, stats.total.requests)} of all)`, `${share(counts.errors, counts.requests)} errors`, `p95 ${seconds(counts.p95_seconds)}`, `${usd(counts.cost_usd)} USD`]
			: ["no requests in the last hour"];
		return h("article.card",
			h("h3", persona.name, chip(...(persona.available ? ["can serve", "good"] : ["cannot serve", "bad"]))),
			h("p", persona.description || ""),
			h("div.facts.quiet", figures.map((text) => h("span", text))),
			h("ol.targets", targets),
			h("details", { "data-name": persona.name, open: open.includes(persona.name) }, h("summary", "Its rules and limits"), details(persona)));
	}));
	if (focused) document.querySelector(`[data-name="${CSS.escape(focused)}"] summary`)?.focus();
}
function details(persona) {
	const last = state.decisions.find((d) => d.persona === persona.name);
	const rows = { "order of targets": persona.strategy, rules: persona.rules, needs: persona.requires, caps: JSON.stringify(persona.caps) };
	return h("div", h("ul", Object.entries(rows).map(([name, value]) => h("li", quiet(`${name}: `), String(value || "") || "none"))),
		last && h("button", { onclick: () => reveal(last.id) }, "Its newest decision"));
}

/* choices of a persona */

function choices() {
	const names = state.personas.map((p) => p.name);
	if (state.names === `${names}`) return;
	state.names = `${names}`;
	const usual = (state.personas.find((p) => p.available && p.name === "chatbot") || state.personas.find((p) => p.available))?.name;
	for (const id of ["persona", "c-persona", "f-persona", "k-personas"]) {
		const before = $(id).value;
		fill($(id), id === "f-persona" && h("option", { value: "" }, "all"), names.map((name) => h("option", { value: name }, name)));
		$(id).value = names.includes(before) ? before : id.includes("-persona") && id !== "c-persona" ? "" : usual || names[0];
	}
	faults();
	composed();
	setups();
}

/* try it */

const FAULTS = [
	["", "works"], ["error 503", "is down (503)"], ["error 429 retry-after 20", "rate limit (429)"], ["reset", "breaks connections"], ["cut 2", "breaks off mid-answer"], ["delay 3", "is slow (3 s)"],
];
function faults() {
	$("break").hidden = !state.session.simulated;
	fill($("faults"), ["claude", "gemini", "openai"].map((dialect) => h("label", dialect,
		h("select", { "data-dialect": dialect, onchange: composed }, FAULTS.map(([value, text]) => h("option", { value }, text))))));
}
function body() {
	const directives = [...document.querySelectorAll("#faults select")].filter((s) => s.value).map((s) => ` [[sim: ${s.value} on ${s.dataset.dialect}]]`);
	return { model: $("persona").value, messages: [{ role: "user", content: $("message").value + directives.join("") }], stream: $("stream").checked };
}
function curl(request) {
	const key = state.session.keys ? " \\\n  -H 'authorization: Bearer YOUR_KEY'" : "";
	return `curl ${location.origin}/v1/chat/completions${key} \\\n  -H 'content-type: application/json' \\\n  -d ${quoted(JSON.stringify(request))}`;
}
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
function composed() {
	say("curl", curl(body()));
	const persona = state.personas.find((p) => p.name === $("persona").value);
	say("persona-about", persona ? persona.description : "");
}
on("request", "input", composed);

function planned(plan) {
	const verdicts = { chosen: ["asked first", "good"], eligible: ["stands by"], rejected: ["not asked", "bad"] };
	const targets = plan.targets.map((t) => h("li",
		chip(...verdicts[t.verdict]),
		h("span", `${t.provider}/${t.model}`),
		t.expected_cost_usd !== null && quiet(`about ${usd(t.expected_cost_usd)} USD`),
		t.reasons.length > 0 && quiet(t.reasons.map(reason).join("; "))));
	const by = [`strategy “${plan.strategy}”`, plan.rule && `rule “${plan.rule}”`, plan.pinned && `the conversation stays with ${plan.pinned}`, plan.estimated_tokens !== null && `about ${number(plan.estimated_tokens)} tokens`];
	const needs = plan.requirements.map((r) => `${r.capability} (${r.cause})`).join(", ");
	return h("div", h("p.quiet", `By ${by.filter(Boolean).join(", ")}.${needs ? ` Needed: ${needs}.` : ""}`), h("ol.targets", targets));
}
on("plan", "click", async () => {
	try {
		const plan = await json("/api/v1/route", body());
		fill($("result"), h("p", h("b", "The plan. "), "Nobody was asked."), planned(plan));
	} catch (error) {
		if (error.status === 401) trouble(error);
		fill($("result"), h("p.bad", error.message));
	}
});
on("request", "submit", async (event) => {
	event.preventDefault();
	const began = performance.now();
	const text = h("div.answer");
	const note = h("p.quiet", "Waiting for the first content …");
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
			const data = /^data: \{/.test(event) && JSON.parse(event.slice(6));
			if (data?.error) throw failed(200, data.error.message);
			text.append(data?.choices?.[0]?.delta?.content || "");
		}
	}
}
async function explained(name, place) {
	await new Promise((done) => setTimeout(done, 150)); /* it is closed a moment after the last byte */
	const id = name || (await json("/api/v1/decisions").catch(() => null))?.decisions[0]?.id;
	const decision = await json(`/api/v1/decisions/${id}`).catch(() => null);
	if (decision) fill(place, decision.attempts?.length > 1 && h("p", h("b", "More than one try: "), "what failed was hidden from the caller."),
		waterfall(decision), h("p", h("button", { onclick: () => reveal(id) }, "Open this decision")));
}

/* decisions */

const decisionOf = (id) => state.decisions.find((d) => d.id === id);
const live = () => fill($("live"), chip(state.paused ? "paused" : "live", "good"));
function listen() {
	const source = state.streaming = new EventSource("/console/api/v1/decisions");
	source.onopen = live;
	source.onerror = () => {
		fill($("live"), chip("reconnecting", "warn"));
		if (source.readyState < EventSource.CLOSED) return; /* it tries again by itself */
		state.streaming = null;
		setTimeout(() => { if (!state.streaming && !$("console").hidden) listen(); }, 3000);
	};
	source.addEventListener("decisions", (event) => {
		for (const d of JSON.parse(event.data).decisions.reverse()) {
			if (decisionOf(d.id)) continue;
			if (state.number++ % PART === 0) state.part = h("tbody");
			d.part = state.part;
			state.decisions.unshift(d);
		}
		state.decisions.splice(MOST);
		if (!state.paused) state.drawing ||= requestAnimationFrame(() => { state.drawing = 0; showDecisions(); });
	});
}
function showDecisions() {
	const [persona, outcome, key] = ["f-persona", "f-outcome", "f-key"].map((id) => $(id).value.trim());
	const how = (d) => (d.outcome !== "ok" ? "failed" : d.attempts[1] ? "ok moved" : "ok");
	const found = state.decisions.filter((d) => (!persona || d.persona === persona) && (d.key || "").startsWith(key) && how(d).includes(outcome));
	const parts = new Map();
	for (const d of found.slice(0, state.shown)) {
		d.row ||= row(d);
		parts.set(d.part, [...(parts.get(d.part) || []), d.row, ...(state.open?.id === d.id ? [state.open.row] : [])]);
	}
	parts.forEach((rows, part) => become(part, rows));
	become($("rows"), [$("rows").tHead, ...parts.keys()]);
	$("none").hidden = !!found[0];
	fill($("none"), state.decisions.length ? "No decision fits these filters." : ["Nothing yet. ", h("a", { href: "#try" }, "Send a request"), ", and it appears here."]);
	$("more").hidden = found.length <= state.shown;
}
/* What stays is not touched: it keeps the focus. */
function become(parent, wanted) {
	for (const child of [...parent.children]) if (!wanted.includes(child)) child.remove();
	let next = parent.firstChild;
	for (const child of wanted) {
		if (child === next) next = next.nextSibling;
		else parent.insertBefore(child, next);
	}
}
function row(d) {
	const ok = d.outcome === "ok";
	const moved = ok && d.attempts[1];
	const kind = ok && !moved ? "good" : d.status >= 500 || d.outcome === "stream_aborted" ? "bad" : "warn";
	const word = !moved ? OUTCOMES[d.outcome] || d.outcome : d.attempts.some((a) => a.why === "hedge") ? "answered, hedged" : "answered after a failure";
	const at = clock(d.time);
	return h("tr",
		h("td", h("button", { "aria-expanded": "false", "data-id": d.id, "aria-label": `Decision of ${at}, ${d.persona}: ${word}`, onclick: () => toggle(d.id) }, at)),
		h("td", d.persona || "–"), h("td", d.served || "–"), h("td", chip(word, kind), !ok && quiet(` ${d.status}`)),
		h("td.n", number(d.attempts.length)), h("td.n", seconds(d.ms / 1000)), h("td.n", `${number(d.prompt_tokens)} → ${number(d.completion_tokens)}`), h("td.n", usd(d.cost_usd)));
}
const buttonOf = (id) => document.querySelector(`#rows button[data-id="${CSS.escape(id)}"]`);
async function toggle(id) {
	const before = state.open?.id;
	buttonOf(before)?.setAttribute("aria-expanded", "false");
	state.open = null;
	if (before === id) return showDecisions();
	const cell = h("td.open", quiet("Loading …"));
	state.open = { id, row: h("tr", cell) };
	buttonOf(id)?.setAttribute("aria-expanded", "true");
	showDecisions();
	try {
		fill(cell, whole(await json(`/api/v1/decisions/${id}`), decisionOf(id)));
	} catch (error) {
		fill(cell, h("p.bad", error.message));
	}
}
function reveal(id) {
	$("filters").reset();
	state.shown = Math.max(state.shown, state.decisions.indexOf(decisionOf(id)) + 1);
	showDecisions();
	if (state.open?.id !== id) toggle(id);
	const button = buttonOf(id);
	(button || $("decisions")).scrollIntoView({ block: "center" });
	button?.focus({ preventScroll: true });
}
function waterfall(decision) {
	const attempts = decision.attempts || [];
	if (!attempts.length) return h("p.quiet", "No provider was asked.");
	const timed = decisionOf(decision.id)?.attempts;
	let at = 0;
	const spans = attempts.map((a, i) => {
		const began = timed?.[i]?.began_ms ?? at; /* not in the list any more: one after the other */
		at = Math.max(at, began + a.ms);
		return [began, a];
	});
	return h("ol.fall", spans.map(([began, a]) => {
		const bar = h(a.outcome === "ok" ? "i.ok" : "i");
		bar.style.marginLeft = `${Math.min(99, (100 * began) / (at || 1))}%`;
		bar.style.width = `${(100 * a.ms) / (at || 1)}%`;
		return h("li", h("div", chip(a.outcome, a.outcome === "ok" ? "good" : a.outcome === "cancelled" ? "" : "bad"), ` ${a.target} `, quiet(`${seconds(a.ms / 1000)} · ${WHY[a.why] || a.why}`)), h("div.track", bar));
	}));
}
function whole(decision, line) {
	const trace = line?.trace_id && state.session.trace_url;
	const said = {
		request: decision.request_id, decision: decision.id, status: `${decision.status} ${decision.error_code || ""}`, "first content": line?.first_content_ms && seconds(line.first_content_ms / 1000),
		key: line?.key, "parameters not told": line?.dropped.join(", "), revision: decision.revision,
	};
	return h("div.inside",
		h("div", h("h3", "Attempts"), waterfall(decision),
			decision.resumed?.map((r) => h("p", `Broke off after ${number(r.after_characters)} characters; ${r.provider}/${r.model} went on.`)),
			h("p.facts.quiet", Object.entries(said).map(([name, value]) => value && h("span", `${name}: ${value}`))),
			trace && h("a", { href: trace.replace("{trace_id}", encodeURIComponent(line.trace_id)), rel: "noreferrer" }, "Its trace")),
		h("div", h("h3", "Plan"), planned(decision)));
}
on("filters", "input", () => { state.shown = PAGE; showDecisions(); });
on("filters", "submit", (event) => event.preventDefault());
on("more", "click", () => { state.shown += PAGE; showDecisions(); });
on("pause", "click", () => {
	state.paused = !state.paused;
	$("pause").setAttribute("aria-pressed", `${state.paused}`);
	say("pause", state.paused ? "Go on" : "Pause");
	live();
	showDecisions();
});

/* connect */

function setups() {
	const at = location.origin;
	const persona = $("c-persona").value;
	const key = state.session.keys ? "YOUR_KEY" : "any-text";
	say("connect-about", `Applications change their base URL and their model, nothing else. ${state.session.keys ? "Take a key of this gateway for YOUR_KEY." : "This gateway asks for no key: any text will do."}`);
	const texts = {
		curl: curl({ model: persona, messages: [{ role: "user", content: "Hello" }] }),
		"OpenAI SDK": `from openai import OpenAI\nclient = OpenAI(base_url="${at}/v1", api_key="${key}")\nclient.chat.completions.create(\n    model="${persona}", messages=[{"role": "user", "content": "Hello"}]\n)`,
		"Anthropic SDK": `from anthropic import Anthropic\nclient = Anthropic(base_url="${at}", api_key="${key}")\nclient.messages.create(\n    model="${persona}", messages=[{"role": "user", "content": "Hello"}], max_tokens=200\n)`,
		"Claude Code": `export ANTHROPIC_BASE_URL=${at} ANTHROPIC_AUTH_TOKEN=${key}\nexport ANTHROPIC_MODEL=${persona} ANTHROPIC_SMALL_FAST_MODEL=${persona}\nclaude`,
		"Codex (~/.codex/config.toml)": `model = "${persona}"\nmodel_provider = "llm_router"\n\n[model_providers.llm_router]\nname = "LLM Router"\nbase_url = "${at}/v1"\nenv_key = "LLM_ROUTER_KEY"   # export LLM_ROUTER_KEY=${key}\nwire_api = "responses"`,
		"gemini-cli": `export GOOGLE_GEMINI_BASE_URL=${at} GEMINI_API_KEY=${key}\ngemini -m ${persona}`,
	};
	fill($("setups"), Object.entries(texts).map(([name, text]) => copyable(name, text)));
}
/* A text with a button that copies it. */
function copyable(title, text) {
	const pre = h("pre", { tabindex: "0", "aria-label": title }, text);
	const button = h("button", { "aria-label": `Copy: ${title}`, async onclick() {
		const copied = await navigator.clipboard?.writeText(text).then(() => true, () => false);
		if (!copied) getSelection().selectAllChildren(pre); /* plain http elsewhere than on this machine has no clipboard */
		button.textContent = copied ? "Copied" : "Selected";
	} }, "Copy");
	return h("div.setup", h("h3", title, button), pre);
}
on("c-persona", "input", setups);
