// What a person sees next: the server's own next screen when its reply is there in time; else one that this browser
// holds ahead, so that they go on without a network; else a page to wait on. The server alone knows where they belong.
import { openAhead } from "./ahead.js";
import { endOfRun, prepareForReload } from "./offline.js";
import { isAfter, isSame, placeOf } from "./places.js";
import { openQueue } from "./queue.js";
import { current, isAnswered, put, tellWhetherSafe, waitingPage } from "./screen.js";
import { startSender } from "./sender.js";
import { openStore } from "./store.js";
import { openTabs } from "./tabs.js";
import { fillForm, isTooEarly, watchScreen } from "./trial.js";
import { makeRoom, say } from "./words.js";

const SLOW_MS = 1500; // until "Sending…" is said
const AHEAD_AFTER_MS = 4000; // until a screen held ahead takes the place of a reply
const address = location.pathname;

let run, store, queue, ahead, tabs, sender;
let here = null; // the place on the screen that waits for an answer
let answered = null; // the place that was answered when its successor is not on the screen yet
let mine = null; // the place that was answered last in this very tab
let isWaiting = false; // whether the next screen is on its way
let inTrouble = false;
let isLocked = false;
let timers = [];

export async function takeCourse() {
  const main = current();
  if (!/\/run\/[^/]+\/$/.test(address)) {
    if ("waiting" in main.dataset) comeBackWhenOnline();
    return;
  }
  const opening = open(main);
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-send]")) return;
    event.preventDefault();
    opening.then(() => take(event.target), () => event.target.submit()); // a plain form, where all else fails
  });
  await opening;
}

async function open(main) {
  store = await openStore();
  run = main.dataset.run ?? (await store.get(`run${address}`).catch(() => null));
  if (!run) {
    if ("waiting" in main.dataset) comeBackWhenOnline();
    return;
  }
  await remember(`run${address}`, run);
  queue = openQueue(store, run);
  ahead = openAhead(store, run, address);
  tabs = openTabs(run, hearOfOtherTab);
  const events = { needsScreen: () => isWaiting, reply, trouble, locked, foreign };
  sender = startSender({ run, address, queue, events });
  sender.remember(main);
  listen();
  await queue.look();
  await begin(main);
}

async function begin(main) {
  if (isEnded()) return finish(main);
  if ("waiting" in main.dataset) {
    isWaiting = true;
    tellWhetherSafe(main, queue.isSafe());
    answered = queue.waiting().at(-1) ?? (await lastAnswered());
    trouble();
  } else {
    here = placeOf(main);
    if (here && queue.holds(here)) await leave("sending");
    else settle(main);
  }
  sender.wake();
  prepareForReload();
}

function listen() {
  window.addEventListener("pagehide", sender.farewell);
  window.addEventListener("beforeunload", (event) => {
    if (queue.waiting().length && !isLocked) event.preventDefault();
  });
  document.addEventListener("click", (event) => event.target.closest("[data-retry]") && sender.wake());
  window.addEventListener("online", sender.wake);
  // A phone that slept, a page out of the history: time has passed, and another tab may have gone on.
  window.addEventListener("pageshow", (event) => event.persisted && wakeUp());
  document.addEventListener("resume", wakeUp);
  document.addEventListener("visibilitychange", () => document.hidden || wakeUp());
}

// --- answering ---------------------------------------------------------------------------------------------------

async function take(form) {
  if (!here || form !== current().querySelector("form[data-send]") || isTooEarly() || !isAnswered(form)) return;
  fillForm(form);
  const body = new URLSearchParams(new FormData(form));
  body.delete("csrfmiddlewaretoken"); // sent as it is known when it is sent
  const place = here;
  mine = place;
  await leave(inTrouble ? "" : "slowly");
  const isNew = await queue.add({ ...place, run, body: body.toString() });
  await remember(`answered/${run}`, place);
  tabs.tell(place);
  if (!isNew) say("elsewhere", { tone: "wait" });
  sender.wake();
  if (inTrouble || navigator.onLine === false) trouble();
}

// The screen is answered; what follows it is on its way.
async function leave(how) {
  answered = here;
  here = null;
  isWaiting = true;
  current().setAttribute("aria-busy", "true");
  if (how === "sending") say("sending", { tone: "wait" });
  if (how === "slowly") timers.push(setTimeout(() => say("sending", { tone: "wait" }), SLOW_MS));
  timers.push(setTimeout(goOnAhead, AHEAD_AFTER_MS));
}

async function goOnAhead() {
  let from = answered;
  let next = await ahead.next(from);
  while (next && queue.holds(placeOf(next))) {
    from = placeOf(next);
    next = await ahead.next(from);
  }
  if (next && isWaiting) show(next);
  return Boolean(next);
}

// --- what the sender tells -----------------------------------------------------------------------------------------

async function reply(main, taken) {
  if ("ended" in main.dataset) return finish(main);
  if (taken) tabs.tell(null);
  tellOfDelivery(taken && mine && isSame(taken, mine));
  const place = placeOf(main);
  // On the screen already, or answered already and still to be sent.
  if (place && ((here && isSame(here, place)) || queue.holds(place))) return;
  if (place && (await isPast(place))) await remember(`answered/${run}`, null); // the server waits for it again
  show(main);
}

async function trouble() {
  inTrouble = true;
  tellWhereAnswersAre();
  if (!isWaiting || (await goOnAhead()) || !isWaiting) return;
  if ("waiting" in current().dataset) makeRoom();
  else show(waitingPage(queue.isSafe()));
}

function locked() {
  isLocked = queue.isSafe();
  if (!queue.waiting().length) location.reload(); // to the server's own words
  else if (isLocked) say("locked", { tone: "wait" });
  else tellWhereAnswersAre();
}

// Somebody else took this browser over. What is queued here waits until its owner comes back by their link.
function foreign() {
  isLocked = true;
  location.reload();
}

function tellWhereAnswersAre() {
  const count = queue.waiting().length;
  if (count) say(queue.isSafe() ? "kept" : "unsafe", { tone: queue.isSafe() ? "wait" : "bad", count });
}

function tellOfDelivery(isTaken) {
  if (inTrouble && queue.waiting().length) return tellWhereAnswersAre();
  if (inTrouble) say("sent", { forMs: 5000 });
  else if (isTaken) say("saved", { forMs: SLOW_MS });
  inTrouble = false;
}

// --- other tabs, and waking up -------------------------------------------------------------------------------------

async function hearOfOtherTab(place) {
  await queue.look();
  if (inTrouble) tellOfDelivery(false);
  if (place && here && !isAfter(here, place)) continueHere(place);
  else if (isWaiting) sender.wake();
}

async function wakeUp() {
  await queue.look();
  if (here && (queue.holds(here) || (await isPast(here)))) await continueHere(here);
  sender.wake();
}

async function continueHere(place) {
  await leave("");
  answered = place;
  say("elsewhere", { tone: "wait" });
  sender.wake();
  if (navigator.onLine === false) trouble();
}

// --- the screen ----------------------------------------------------------------------------------------------------

function show(main) {
  timers.forEach(clearTimeout);
  timers = [];
  const begunAt = performance.now();
  here = placeOf(main);
  isWaiting = "waiting" in main.dataset;
  if (here) answered = null;
  makeRoom();
  settle(put(main));
  watchScreen(begunAt);
}

function settle(main) {
  if (here) setTimeout(() => ahead.fill(main), SLOW_MS / 3); // after the screen itself
}

async function finish(main) {
  const isLate = queue.waiting().length > 0;
  await queue.clear();
  await ahead.clear();
  await store.remove(`answered/${run}`).catch(() => {});
  await store.remove(`run${address}`).catch(() => {});
  if (main !== current()) show(main);
  if (isLate) main.querySelector("#dropped")?.removeAttribute("hidden");
  say("");
  await endOfRun();
}

function isEnded() {
  return "ended" in current().dataset;
}

// The last place that was answered in this browser, in whichever tab.
function lastAnswered() {
  return store.get(`answered/${run}`).catch(() => null);
}

async function isPast(place) {
  const last = await lastAnswered();
  return Boolean(last) && !isAfter(place, last);
}

function remember(key, value) {
  return store.set(key, value).catch(() => {});
}

// A page to wait on that belongs to nobody here: the server knows what stands at this address.
function comeBackWhenOnline() {
  const again = () => location.reload();
  const tryAgain = () => fetch(location.href, { method: "HEAD" }).then(again, () => {});
  window.addEventListener("online", again);
  document.querySelector("[data-retry]").addEventListener("click", again);
  setInterval(tryAgain, AHEAD_AFTER_MS); // the network may have come back before anybody listened
}
