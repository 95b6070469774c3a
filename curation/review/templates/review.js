"use strict";
// Keys, posts and moving from record to record. The server makes every page; this only asks for them.
let busy = false;

const at = (id) => document.getElementById(id);
const page = () => at("page").dataset;
const say = (text) => { at("status").textContent = text; };

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  const found = await answer.json().catch(() => ({ fault: String(answer.status) }));
  if (!answer.ok) throw new Error(found.fault);
  return found;
}

// One thing at a time: a key that comes while the next record is on its way would be about a record nobody has seen.
async function once(work) {
  if (busy) return;
  busy = true;
  document.body.setAttribute("aria-busy", "true");
  try {
    await work();
  } catch (fault) {
    say(page().failed + (fault instanceof TypeError ? page().lost : fault.message));
  } finally {
    busy = false;
    document.body.removeAttribute("aria-busy");
  }
}

async function show(url, push) {
  const answer = await fetch(url);
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!next.getElementById("page")) throw new Error(String(answer.status));
  at("page").replaceWith(next.getElementById("page"));
  document.title = next.title;
  document.documentElement.lang = next.documentElement.lang;
  if (push) history.pushState(null, "", url);
  window.scrollTo(0, 0);
  at("record").focus({ preventScroll: true });
}

const here = () => ({ queue: page().queue, query: page().query, index: Number(page().index) });

const decide = (decision, more = {}) => once(async () => {
  const { item, content } = page();
  if (!item) return;
  const note = at("note").value;
  const found = await post("/decide", { ...here(), item, content, decision, note, ...more });
  await show(found.url, true);
  say(found.said);
});

const move = (id) => once(async () => { if (at(id)) await show(at(id).getAttribute("href"), true); });

const edit = () => {
  if (!at("editor")) return;
  at("editor").showModal();
  ([...document.querySelectorAll("textarea.turn")].pop() ?? at("editor").querySelector("button")).focus(); // the answer
};

const find = () => once(async () => {
  const { queue, query } = page();
  const answer = await fetch("/bulk?" + new URLSearchParams({ queue, q: query, text: at("filter").value }));
  at("found").innerHTML = await answer.text();
});

const acts = {
  edit,
  find,
  help: () => at("help").showModal(),
  save: () => {
    const turns = [...document.querySelectorAll("textarea.turn")].map((area) => area.value);
    at("editor").close();
    return decide("edit", { turns, cot: at("cot") ? at("cot").value : null });
  },
  undo: () => once(async () => {
    const found = await post("/undo", { query: page().query });
    if (found.url) await show(found.url, true);
    say(found.said);
  }),
  reveal: () => once(async () => {
    if (!document.querySelector('[data-act="reveal"]')) return;
    await show((await post("/reveal", { ...here(), item: page().item })).url, false);
  }),
  bulk: () => { at("bulk").showModal(); find(); },
  language: () => once(async () => { await post("/language", {}); say(""); await show(page().here, false); }),
};

const bulk = (button) => once(async () => {
  const { bulk: decision, n, text } = button.dataset;
  const found = await post("/bulk", { ...here(), decision, text, n: Number(n) });
  await show(found.url, true);
  say(found.said);
});

const keys = {
  a: () => decide("keep"), x: () => decide("drop"), " ": () => decide("unsure"), e: edit, u: acts.undo,
  Backspace: acts.undo, j: () => move("next"), k: () => move("previous"), b: acts.bulk, r: acts.reveal, l: acts.language,
  "/": () => at("q").focus(), n: () => at("note") && at("note").focus(), "?": acts.help,
};

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229) return; // an input method is at work
  const target = event.target;
  const open = document.querySelector("dialog[open]");
  if (event.key === "Escape" && open) { // at once: left to the browser, the next key may still find it open
    event.preventDefault();
    open.close();
    return;
  }
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && at("editor")?.open) {
    event.preventDefault();
    acts.save();
    return;
  }
  if (target.closest("input, textarea, select, [contenteditable]")) {
    if (event.key === "Escape") at("record").focus();
    if (event.key === "Enter" && target.id === "filter") { event.preventDefault(); find(); }
    return;
  }
  if (event.key === "?" && at("help").open) return at("help").close();
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || open) return;
  if ((event.key === " " || event.key === "Enter") && target.closest("button, a, summary")) return;
  const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (act) { event.preventDefault(); act(); }
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-say], [data-act], [data-bulk], a.go, nav a");
  if (!button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (button.matches("a")) {
    event.preventDefault();
    once(() => show(button.getAttribute("href"), true));
  } else if (button.dataset.say) decide(button.dataset.say);
  else if (button.dataset.bulk) bulk(button);
  else acts[button.dataset.act]();
});

window.addEventListener("popstate", () => once(() => show(location.href, false)));
