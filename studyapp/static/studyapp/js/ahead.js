// Screens held before their turn, for a network that goes away. The server hands out only such as tell no answer.
import { keyOf, placeOf } from "./places.js";

const MARGIN = 8; // asked again when fewer are left, unless the stretch ends before

export function openAhead(store, run, address) {
  const prefix = `screen/${run}/`;
  let held = null; // { first, last, isWhole } of what was fetched last

  async function fetchFrom() {
    const reply = await fetch(`${address}ahead/`, { credentials: "same-origin" });
    if (!reply.ok) return;
    const mains = parsed(await reply.text()).filter((main) => main.dataset.run === run);
    if (!mains.length) return;
    const entries = mains.map((main) => [prefix + keyOf(placeOf(main)), main.outerHTML]);
    await store.replace("screen/", entries); // of one run alone: what an earlier one left goes
    const [first, last] = [mains[0], mains[mains.length - 1]];
    held = {
      first: placeOf(first).position,
      last: placeOf(last).position,
      isWhole: !("ahead" in last.dataset),
    };
  }

  return {
    // Where a screen says that the next ones may be had, have them.
    async fill(main) {
      const { position } = placeOf(main) ?? {};
      if (!("ahead" in main.dataset)) return;
      const reach = held && position >= held.first ? held.last - position : 0;
      if (reach >= MARGIN || (reach > 0 && held.isWhole)) return;
      await fetchFrom().catch(() => {}); // it only goes without
    },
    // The screen after a place, or after none the first that is held.
    async next(place) {
      const wanted = place && prefix + keyOf({ position: place.position + 1, attempt: 1 });
      const found = wanted ? await store.get(wanted).catch(() => null) : (await store.list(prefix).catch(() => []))[0];
      return found ? parsed(found)[0] : null;
    },
    clear: () => store.replace(prefix, []).catch(() => {}),
  };
}

function parsed(html) {
  return Array.from(new DOMParser().parseFromString(html, "text/html").querySelectorAll("main#screen"));
}
