// Sends what is queued: the oldest first, one at a time over all tabs, for as long as it takes. The server knows a
// repeated answer by its stamp, so sending twice does no harm; the lock only spares requests.
import { isAfter, placeOf } from "./places.js";

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
const PATIENCE_MS = 20_000; // for one reply
const LOCK_MS = 25_000; // a tab that was frozen while it sent keeps its lock
const FAREWELL_BYTES = 60 * 1024; // what all requests that outlive a page may weigh together
const DONE = "done";
const ON = "on";
const TROUBLE = "trouble";

// `events`: needsScreen() whether to ask where the person is; reply(main, answer) what the server shows, and the answer
// it took; trouble() when nothing came; locked() when this browser lost the run's key, foreign() when it has another's.
export function startSender({ run, address, queue, events }) {
  let token = "";
  let isWorking = false;
  let isWanted = false;
  let hurry = () => {};

  async function wake() {
    isWanted = true;
    hurry();
    if (isWorking) return;
    isWorking = true;
    while (isWanted) {
      isWanted = false;
      await work();
    }
    isWorking = false;
  }

  async function work() {
    for (let wait = FIRST_WAIT_MS; ; ) {
      const outcome = await oneAtATime(`foretell ${run}`, step);
      if (outcome === DONE) return;
      if (outcome === ON) {
        wait = FIRST_WAIT_MS;
        continue;
      }
      events.trouble();
      await pause(wait * (0.75 + Math.random() / 2));
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    }
  }

  async function step() {
    const answer = await queue.first();
    if (answer && token) return settle(answer, await ask(address, posted(answer, token)));
    if (answer || events.needsScreen()) return look(await ask(address, {}));
    return DONE;
  }

  // What became of an answer. It leaves the queue only when a page of this very run says that the server is past it.
  async function settle(answer, reply) {
    const { status, main } = reply ?? {};
    if (status === 200 && main?.dataset.run === run) {
      remember(main);
      const place = placeOf(main);
      const isPast = "ended" in main.dataset || (place && isAfter(place, answer));
      if (isPast && !("late" in main.dataset)) await queue.remove(answer);
      await events.reply(main, isPast ? answer : null);
      return isPast ? ON : DONE; // else the server asks something else first, which the person now sees
    }
    if (status === 422 || status === 409) return refused(answer, reply);
    // The stamp is another's: somebody else took this browser over, or it cannot be read.
    if (status === 400) return look(await ask(address, {}), answer);
    if (status === 403) token = "";
    return lockedOr(status, TROUBLE);
  }

  async function refused(answer, { status, main }) {
    await queue.remove(answer);
    if (status === 409) return look(await ask(address, {}));
    await events.reply(main, null);
    return ON;
  }

  async function look(reply, unreadable = null) {
    const { status, main } = reply ?? {};
    if (status !== 200 || !main?.dataset.run) return lockedOr(status, TROUBLE);
    if (main.dataset.run !== run) {
      events.foreign();
      return DONE;
    }
    if (unreadable) await queue.remove(unreadable);
    remember(main);
    await events.reply(main, null);
    return ON;
  }

  function lockedOr(status, outcome) {
    if (status !== 404) return outcome;
    events.locked();
    return DONE;
  }

  function remember(main) {
    token = main.querySelector("input[name=csrfmiddlewaretoken]")?.value ?? token;
  }

  function pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  // The page goes away: the oldest answers once more, by requests that outlive it. They stay queued until a reply.
  function farewell() {
    let bytes = 0;
    for (const answer of queue.waiting()) {
      bytes += answer.body.length;
      if (!token || bytes > FAREWELL_BYTES) return;
      fetch(address, { ...posted(answer, token), keepalive: true }).catch(() => {});
    }
  }

  return { wake, remember, farewell };
}

function posted({ body }, token) {
  return {
    method: "POST",
    body,
    headers: { "Content-Type": "application/x-www-form-urlencoded", "X-CSRFToken": token },
  };
}

// The reply, or null where none came.
async function ask(address, { headers = {}, ...how }) {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
  try {
    const response = await fetch(address, {
      ...how,
      credentials: "same-origin",
      headers: { ...headers, "X-Requested-With": "foretell" },
      signal: patience.signal,
    });
    const html = await response.text();
    return { status: response.status, main: new DOMParser().parseFromString(html, "text/html").querySelector("main#screen") };
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

async function oneAtATime(name, work) {
  if (!navigator.locks) return work();
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), LOCK_MS);
  const begin = () => {
    clearTimeout(timer);
    return work();
  };
  return navigator.locks.request(name, { signal: patience.signal }, begin).catch((error) => {
    if (error.name === "AbortError" && patience.signal.aborted) return work();
    throw error;
  });
}
