// Sending an answer so that it cannot be lost: it is kept on this device before the first try and until the server has
// it, and sent again for as long as it takes. The server knows a repeated answer by its stamp, so twice does no harm.
import { fillForm, isTooEarly, watchScreen } from "./trial.js";

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
const PATIENCE_MS = 20_000; // for one reply
const status = document.getElementById("status");
const store = `foretell ${location.pathname}`;

let sending = false;
let current = null; // the answer that is under way

export function sendOnSubmit() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form[data-send]")) return;
    event.preventDefault();
    if (sending || isTooEarly() || !isAnswered(form)) return;
    fillForm(form);
    const body = new URLSearchParams(new FormData(form));
    const answer = { id: body.get("stamp"), place: placeOf(document), body: body.toString() };
    keep(answer);
    deliver(answer);
  });
  // The page goes away with an answer under way: one more try that outlives it. The kept copy stays until a reply.
  window.addEventListener("pagehide", () => {
    if (current) fetch(location.href, { ...request(current.body), keepalive: true }).catch(() => {});
  });
}

// After a reload or a crash: an answer to this very screen that never arrived goes first.
export function resendUnsent() {
  const answer = kept();
  if (!answer) return;
  if (answer.place !== placeOf(document)) {
    forget(answer);
    return;
  }
  const token = document.querySelector("#screen input[name=csrfmiddlewaretoken]");
  const body = new URLSearchParams(answer.body);
  if (token) body.set("csrfmiddlewaretoken", token.value);
  deliver({ ...answer, body: body.toString() });
}

async function deliver(answer) {
  sending = true;
  current = answer;
  document.getElementById("screen").setAttribute("aria-busy", "true");
  const slow = setTimeout(() => say("sending", "wait"), 1500);
  try {
    await oneAtATime(() => sendUntilAnswered(answer, slow));
  } finally {
    clearTimeout(slow);
    sending = false;
    current = null;
  }
}

// Two tabs never send at once. Without locks (old browsers, no https) the stamp alone keeps them apart.
function oneAtATime(send) {
  return navigator.locks ? navigator.locks.request(store, send) : send();
}

async function sendUntilAnswered(answer, slow) {
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    const reply = await tryOnce(answer.body);
    clearTimeout(slow);
    if (reply) {
      receive(reply, answer);
      return;
    }
    say(kept() ? "safe" : "unsafe", "wait");
    await pause(wait * (0.75 + Math.random() / 2));
  }
}

// The reply, or null where there was none that counts: no network, an overloaded or failing server.
async function tryOnce(body) {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
  try {
    const response = await fetch(location.href, { ...request(body), signal: patience.signal });
    if (response.status >= 500 || response.status === 429) return null;
    return { status: response.status, html: await response.text() };
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

function request(body) {
  return {
    method: "POST",
    body,
    credentials: "same-origin",
    headers: { "Content-Type": "application/x-www-form-urlencoded", "X-Requested-With": "foretell" },
  };
}

function receive({ status: code, html }, answer) {
  // 403 and 404: the browser lost its key. The answer waits here until the person comes back by their invitation.
  if (code !== 403 && code !== 404) forget(answer);
  const begunAt = performance.now();
  const next = new DOMParser().parseFromString(html, "text/html").querySelector("main");
  // 400: the stamp is of another run in this browser; the server knows where this person is.
  if (!next || code === 400) {
    location.reload();
    return;
  }
  document.querySelector("main").replaceWith(document.adoptNode(next));
  document.title = next.dataset.title ?? document.title;
  window.scrollTo(0, 0);
  watchScreen(begunAt);
  if (code < 400) {
    say("saved", "good");
    setTimeout(() => say("", "good"), 1500);
  } else {
    say("", "good");
  }
  takeFocus(next);
}

// Screen readers begin at what is new: the summary of what is missing, else the heading.
function takeFocus(screen) {
  const target = screen.querySelector(".errors:not([hidden])") ?? screen.querySelector("h1");
  target.setAttribute("tabindex", "-1");
  target.focus({ preventScroll: true });
}

// The same summary that the server would send, without asking it.
function isAnswered(form) {
  const radios = Array.from(form.querySelectorAll("input[type=radio]"));
  const fields = new Set(radios.map((radio) => radio.name));
  const missing = new Set([...fields].filter((name) => !radios.some((radio) => radio.name === name && radio.checked)));
  const summary = form.querySelector(".errors");
  if (!summary) return true;
  summary.hidden = missing.size === 0;
  for (const entry of summary.querySelectorAll("[data-for]")) entry.hidden = !missing.has(entry.dataset.for);
  if (missing.size) {
    summary.focus();
    summary.scrollIntoView({ block: "nearest" });
  }
  return missing.size === 0;
}

function placeOf(root) {
  return root.querySelector("#screen")?.dataset.place;
}

function say(word, tone) {
  status.textContent = word ? status.dataset[word] : "";
  status.dataset.tone = tone;
}

function pause(ms) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    window.addEventListener("online", done);
    function done() {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      resolve();
    }
  });
}

// Storage may be full or forbidden; then the page itself is the only copy, and the words say so.
function keep(answer) {
  try {
    localStorage.setItem(store, JSON.stringify(answer));
  } catch {
    /* said by kept() being empty */
  }
}

function kept() {
  try {
    return JSON.parse(localStorage.getItem(store));
  } catch {
    return null;
  }
}

// Only this answer: another tab may have kept a newer one.
function forget(answer) {
  try {
    if (kept()?.id === answer.id) localStorage.removeItem(store);
  } catch {
    /* nothing was kept */
  }
}
