// The answers that the server does not have yet, in the order of the screens. One is written here before it is first
// sent and leaves only when the server has it; a place holds one answer, so that two tabs cannot both answer it.
import { isSame, keyOf } from "./places.js";
import { inMemory } from "./store.js";

export function openQueue(store, run) {
  const prefix = `answer/${run}/`;
  const spare = inMemory(); // for what the store does not take: a full disk, storage deleted under our feet
  let isSafe = store.outlives;
  let waiting = [];

  async function look() {
    const kept = await store.list(prefix).catch(() => []);
    const spared = await spare.list(prefix);
    isSafe = store.outlives && spared.length === 0;
    waiting = [...kept, ...spared].sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
    return waiting;
  }

  return {
    look,
    // False when this place was answered before, in another tab; the first answer stays.
    async add(answer) {
      const key = prefix + keyOf(answer);
      const isNew = await store.add(key, answer).catch(() => spare.add(key, answer));
      await look();
      return isNew;
    },
    async first() {
      return (await look())[0];
    },
    async remove(answer) {
      const key = prefix + keyOf(answer);
      await store.remove(key).catch(() => {});
      await spare.remove(key);
      await look();
    },
    async clear() {
      await store.replace(prefix, []).catch(() => {});
      await spare.replace(prefix, []);
      await look();
    },
    // As last looked at; for moments that cannot wait.
    waiting: () => waiting,
    holds: (place) => waiting.some((answer) => isSame(answer, place)),
    isSafe: () => isSafe,
  };
}
