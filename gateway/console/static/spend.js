/* Spend and Keys, by the routes of limits. Served as one file with console.js. */

const DAY = 86400;
const STRIPES = ["--bar", "--good", "--warn", "--violet", "--quiet"];
const MOST_SPLIT = 200;
const UNITS = { usd: "USD", input_tokens: "tokens read", output_tokens: "tokens written", concurrency: "requests at a time" };
const CHANGES = {
	rotate: ["Rotate", "It gets a new secret, which is shown once. The old one stays good for a day."],
	disable: ["Disable", "Requests with it are refused until you enable it again."],
	enable: ["Enable"],
	revoke: ["Revoke", "Requests with it are refused from now on, for ever."],
};
const day = (t) => new Date(t * 1000).toISOString().slice(0, 10);
const moment = (text) => (text ? new Date(text).toLocaleString([], { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" }) : "never");

const counted = () => state.session.limits && state.session.administrates;
/* Both sections, or how to get them. */
async function showCounted() {
	const { limits, access } = state.session;
	for (const part of ["spend", "keys"]) {
		$(`${part}-shown`).hidden = !counted();
		fill($(`${part}-about`), !limits
			? ["Nothing is counted yet. Write ", h("code", "limits: [{on: usd, per: day, amount: 50}]"), " into persona_policy.yaml, or ", h("code", "store: {}"), " to count only, and start again: then there are keys and a ledger."]
				: !counted() && (access === "open" ? h("button", { onclick() { $("login").hidden = false; $("key").focus(); } }, "Log in with the admin key") : "Only administrators see this."));
	}
	if (!counted()) return;
	await showKeys("");
	await Promise.all([showSpend(), showLimits()]);
}
/* Heads with a > are of numbers. */
function table(label, heads, rows) {
	const line = (tag, cells) => h("tr", cells.map((cell, i) => h(heads[i][0] === ">" ? `${tag}.n` : tag, cell)));
	return h("div.scroll", { tabindex: "0", role: "region", "aria-label": label },
		h("table", h("thead", line("th", heads.map((head) => head.replace(">", "")))), h("tbody", rows.map((cells) => line("td", cells)))));
}

/* spend */

const keyName = (id) => (id === "-" ? "without a key" : state.keys.find((k) => k.id === id)?.name || id);
async function showSpend() {
	const by = $("s-by").value;
	const first = Math.floor(Date.now() / 1000 / DAY - $("s-days").value + 1) * DAY;
	const x = Array.from({ length: $("s-days").value }, (_, i) => first + DAY * i);
	const path = `/api/v1/spend?since=${day(first)}&by=`;
	$("s-csv").href = `/console${path}day,${by}&format=csv`;
	const { rows } = await json(path + by);
	const few = rows.length <= MOST_SPLIT;
	const { rows: daily } = await json(`${path}day${few ? `,${by}` : ""}`);
	rows.sort((a, b) => b.cost_usd - a.cost_usd);
	const named = (row) => (by === "key" ? keyName(row.key) : row[by] || `no ${by}`);

	/* the last stripe is of all others; the tallest bars are drawn first */
	const last = STRIPES.length - 1;
	const place = new Map(few ? rows.map((row, i) => [row[by], Math.min(i, last)]) : []);
	const stripes = STRIPES.slice(0, few ? rows.length : 1).map(() => x.map(() => 0));
	for (const row of daily) stripes[place.get(row[by]) || 0][x.indexOf(Date.parse(row.day) / 1000)] += row.cost_usd;
	const tops = stripes.map((_, i) => x.map((_, at) => stripes.slice(0, i + 1).reduce((all, usd) => all + usd[at], 0)));
	const lines = stripes.map((usd, i) => [!few ? "all" : i === last ? "others" : named(rows[i]), STRIPES[i], true, usd]);
	charts.spend?.destroy();
	delete charts.spend;
	$("chart-spend").parentElement.hidden = !rows.length;
	if (rows.length) chart("spend", [x, ...tops.reverse()], lines.reverse(), usd, day);

	const sum = (field) => rows.reduce((all, row) => all + row[field], 0);
	const told = (name, of) => [name, ...["requests", "input", "cached", "output"].map((field) => number(of(field))), usd(of("cost_usd"))];
	fill($("s-sums"), rows.length ? table("Spend", [by[0].toUpperCase() + by.slice(1), ">Requests", ">Tokens read", ">From caches", ">Tokens written", ">USD"], [told(h("b", "All"), sum), ...rows.slice(0, MOST_SPLIT).map((row) => told(named(row), (field) => row[field]))]) : "No requests.",
		sum("unpriced") > 0 && h("p.bad", `Not in here: ${number(sum("unpriced"))} requests to models without a price.`));
}
const limit = (l) => `${amount(l, l.amount)} ${UNITS[l.on] || l.on}${l.per ? (l.per === "ever" ? " in all" : ` a ${l.per}`) : ""}`;
const amount = (l, value) => (l.on === "usd" ? usd(value) : number(value));
const ownKey = (l) => l.scope.startsWith("key/") && state.keys.find((k) => l.scope === `key/${k.id}`);
const whose = (l) => (l.scope === "all" ? "everything" : ownKey(l) ? `key ${ownKey(l).name}` : l.scope.replace("/", " "));
async function showLimits() {
	const { limits } = await json(`/api/v1/limits?key=${$("s-key").value}`);
	fill($("s-limits"), limits.length ? table("Limits", ["Of", "At most", ">Used", ">Held", ">Left", "", "Begins anew", ""], limits.map((l) => [
		whose(l), limit(l), amount(l, l.used), amount(l, l.held), amount(l, l.remaining),
		h("meter", { max: l.amount, low: l.amount * 0.8, high: l.amount, optimum: 0, value: l.used + l.held, "aria-label": `used of ${limit(l)}` }), moment(l.resets_at), h("button", { "aria-label": `Change ${limit(l)} of ${whose(l)}`, onclick: () => changing(l) }, "Change")])) : "None.");
}
function changing(l) {
	state.limit = l;
	say("l-what", `${limit(l)}, of ${whose(l)}`);
	$("l-amount").value = l.amount;
	$("l-good").disabled = !ownKey(l);
	$("l-for").value = "24h";
	say("l-refused", "");
	$("l-form").hidden = false;
	$("l-amount").select();
}
sent("l-form", "l-refused", async () => {
	const { scope, on, per, amount } = state.limit;
	const to = Number($("l-amount").value);
	const [time] = $("l-for").selectedOptions;
	if (!confirm(`Change ${$("l-what").textContent}?\n\nTo ${limit({ ...state.limit, amount: to })}, ${time.text}.`)) return;
	const { id, limits } = ownKey(state.limit) || {};
	if (time.value) await ask("/api/v1/limits/raise", { scope, on, per, by: to - amount, for: time.value });
	else await ask(`/api/v1/keys/${id}`, { limits: [...limits.filter((l) => l.on !== on || l.per != per), { on, ...(per && { per }), amount: to }] }, "PATCH");
	$("l-form").hidden = true;
	await showCounted();
	$("s-key").focus();
});

/* keys */

async function showKeys(after) {
	const { keys, next } = await json(`/api/v1/keys?after=${after}`);
	state.keys = after ? [...state.keys, ...keys] : keys;
	$("k-more").hidden = !next;
	$("k-more").onclick = () => showKeys(next).catch(trouble);
	$("k-closes").hidden = state.session.keys;
	const verbs = (key) => (key.state === "revoked" ? [] : ["rotate", key.state === "active" ? "disable" : "enable", "revoke"]);
	fill($("k-rows"), keys.length ? table("Keys", ["Name", "State", "Team", "May ask", "Limits of its own", "Expires", "Last used", ""], state.keys.map((key) => [
		[key.name, h("br"), h("code.quiet", key.id)], chip(key.state, { active: "good", revoked: "bad" }[key.state] || "warn"), key.team || "–", key.personas?.join(", ") || "everything",
		key.limits.map((l) => h("div", limit(l))), moment(key.expires_at), moment(key.last_used_at),
		verbs(key).map((verb) => h("button", { "data-key": key.id, "aria-label": `${CHANGES[verb][0]} ${key.name}`, onclick: () => change(key, verb) }, CHANGES[verb][0]))])) : "There is no key yet.");
	const before = $("s-key").value;
	fill($("s-key"), h("option", { value: "" }, "callers without a key"), state.keys.map((k) => h("option", { value: k.id }, k.name)));
	$("s-key").value = state.keys.some((k) => k.id === before) ? before : "";
	await showAudit();
}
async function showAudit() {
	if (!$("k-log").open) return;
	const { rows } = await json("/api/v1/audit?newest=100");
	fill($("k-audit"), table("Changes", ["When", "Who", "From", "Did", "To", "Before → after"], rows.map((r) => {
		const [was, is] = [r.before, r.after].map((text) => JSON.parse(text) || {});
		return [moment(r.at), r.who, r.ip, r.action, whose({ scope: r.what }),
			Object.keys({ ...was, ...is }).map((name) => was[name] != is[name] && name !== "rev" && h("div", `${name}: ${was[name] ?? "–"} → ${is[name] ?? "–"}`))];
	})));
}
on("k-log", "toggle", () => showAudit().catch(trouble));
async function change(key, verb) {
	const [word, about] = CHANGES[verb];
	if (about && !confirm(`${word} the key of ${key.name}?\n\n${about}`)) return;
	const path = `/api/v1/keys/${key.id}`;
	try {
		const answer = await (verb === "revoke" ? ask(path, null, "DELETE") : ask(`${path}/${verb}`, null, "POST"));
		if (verb === "rotate") secret(await answer.json());
		await showKeys("");
	} catch (error) {
		trouble(error);
	}
	(document.querySelector(`[data-key="${key.id}"]`) || $("keys-title")).focus();
}
function secret(key) {
	fill($("k-made"), h("p", h("b", `The key of ${key.name}. `), "Copy it now: it is never shown again."), copyable("Key", key.key));
	state.session.keys = true; /* from the first one on */
	setups();
	composed();
}
sent("k-form", "k-refused", async () => {
	const personas = [...$("k-personas").selectedOptions].map((option) => option.value);
	const daily = Number($("k-usd").value);
	const asked = { name: $("k-name").value, team: $("k-team").value || null, expires_in: $("k-expires").value || null, personas: personas[0] ? personas : null, limits: daily ? [{ on: "usd", per: "day", amount: daily }] : null };
	secret(await json("/api/v1/keys", asked));
	$("k-form").reset();
	$("k-made").focus();
	await showKeys("");
});
for (const [id, show] of [["s-by", showSpend], ["s-days", showSpend], ["s-key", showLimits]]) on(id, "change", () => show().catch(trouble));

start();
