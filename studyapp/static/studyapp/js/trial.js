// What is measured on a screen, by the browser's monotonic clock: from the stimulus painted to the answer, and a small
// declared trail of counts. No contents of keys, no path of a pointer.

const MAX_MS = 24 * 3600 * 1000;
const MAX_COUNT = 1000;
const LONGEST_PAINT_MS = 2000; // a window that is covered may never paint
const SETTLE_MS = 250; // a second tap of the last button is not an answer to this screen

let facts = null;

export function watchScreen(begunAt) {
  const mine = {
    paintedAt: null,
    begunAt,
    firstTouchAt: null,
    chosenAt: null,
    choices: 0,
    focusLosses: 0,
    focusLostMs: 0,
    awaySince: document.hidden ? performance.now() : null,
    pastes: 0,
  };
  facts = mine;
  painted().then((time) => {
    mine.paintedAt = time;
  });
}

// Two frames after every picture is decoded, the first of them is on the screen.
async function painted() {
  const pictures = document.querySelectorAll("#screen img");
  await Promise.allSettled(Array.from(pictures, (picture) => picture.decode()));
  return new Promise((resolve) => {
    const done = () => resolve(performance.now());
    requestAnimationFrame(() => requestAnimationFrame(done));
    setTimeout(done, LONGEST_PAINT_MS);
  });
}

// A tap that comes before the new screen can have been seen.
export function isTooEarly() {
  return facts.paintedAt === null ? !document.hidden : performance.now() - facts.paintedAt < SETTLE_MS;
}

// Write what was measured into the form; measured once, so that sending again sends the same.
export function fillForm(form) {
  const now = performance.now();
  const since = facts.paintedAt ?? facts.begunAt;
  comeBack(now);
  put(form, "response_ms", ms(now - since));
  put(form, "trail_painted_ms", facts.paintedAt === null ? "" : ms(facts.paintedAt - facts.begunAt));
  put(form, "trail_first_touch_ms", facts.firstTouchAt === null ? "" : ms(facts.firstTouchAt - since));
  put(form, "trail_chosen_ms", facts.chosenAt === null ? "" : ms(facts.chosenAt - since));
  put(form, "trail_changes", Math.min(Math.max(facts.choices - 1, 0), MAX_COUNT));
  put(form, "trail_focus_lost", Math.min(facts.focusLosses, MAX_COUNT));
  put(form, "trail_focus_lost_ms", ms(facts.focusLostMs));
  put(form, "trail_pastes", Math.min(facts.pastes, MAX_COUNT));
}

function put(form, name, value) {
  let field = form.elements.namedItem(name);
  if (!field) {
    field = document.createElement("input");
    field.type = "hidden";
    field.name = name;
    form.append(field);
  }
  field.value = String(value);
}

function ms(value) {
  return Math.round(Math.min(Math.max(value, 0), MAX_MS));
}

function comeBack(now) {
  if (facts.awaySince !== null) {
    facts.focusLostMs += now - facts.awaySince;
    facts.awaySince = null;
  }
}

function touch() {
  facts.firstTouchAt ??= performance.now();
}

document.addEventListener("keydown", touch, true);
document.addEventListener("pointerdown", touch, true);
document.addEventListener("paste", () => facts.pastes++, true);
document.addEventListener("change", (event) => {
  if (!event.target.matches("input[type=radio]")) return;
  facts.choices++;
  facts.chosenAt = performance.now();
});

// A phone hides the page without a blur, a desktop blurs without hiding: either is one loss, and its end the return.
function leave() {
  if (facts.awaySince !== null) return;
  facts.focusLosses++;
  facts.awaySince = performance.now();
}

window.addEventListener("blur", leave);
window.addEventListener("focus", () => comeBack(performance.now()));
document.addEventListener("visibilitychange", () => (document.hidden ? leave() : comeBack(performance.now())));
