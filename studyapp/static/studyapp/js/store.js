// Where a page keeps what must outlive it: IndexedDB, else localStorage, else nothing but its own memory.
// Values lie under text keys and come back in the order of their keys.

const NAME = "foretell";
const KEPT = "kept";
const OPENS_WITHIN_MS = 10_000; // some browsers never answer where storage is switched off; a busy one takes seconds

export async function openStore() {
  for (const open of [inDatabase, inLocalStorage]) {
    try {
      return await open();
    } catch {
      /* forbidden or broken here: the next best */
    }
  }
  return inMemory();
}

async function inDatabase() {
  const database = await opened();
  // Strict: what is said to be kept is on the disk. One transaction each, so that a crash leaves all of it or nothing.
  const within = (mode, work) =>
    new Promise((resolve, reject) => {
      const transaction = database.transaction(KEPT, mode, { durability: "strict" });
      const request = work(transaction.objectStore(KEPT));
      transaction.oncomplete = () => resolve(request?.result);
      transaction.onabort = () => reject(transaction.error);
    });
  return {
    outlives: true,
    add: (key, value) =>
      within("readwrite", (kept) => kept.add(value, key)).then(
        () => true,
        (error) => {
          if (error?.name === "ConstraintError") return false;
          throw error;
        },
      ),
    set: (key, value) => within("readwrite", (kept) => kept.put(value, key)),
    get: (key) => within("readonly", (kept) => kept.get(key)),
    remove: (key) => within("readwrite", (kept) => kept.delete(key)),
    list: (prefix) => within("readonly", (kept) => kept.getAll(under(prefix))),
    replace: (prefix, entries) =>
      within("readwrite", (kept) => {
        kept.delete(under(prefix));
        for (const [key, value] of entries) kept.put(value, key);
      }),
  };
}

function opened() {
  return new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("no answer")), OPENS_WITHIN_MS);
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(KEPT);
    request.onerror = () => reject(request.error);
    request.onsuccess = () => resolve(request.result);
  });
}

function under(prefix) {
  return IDBKeyRange.bound(prefix, `${prefix}\uffff`);
}

async function inLocalStorage() {
  localStorage.setItem(`${NAME} probe`, "1");
  localStorage.removeItem(`${NAME} probe`);
  const own = (key) => `${NAME} ${key}`;
  const names = (prefix) => Object.keys(localStorage).filter((name) => name.startsWith(own(prefix))).sort();
  const set = async (key, value) => localStorage.setItem(own(key), JSON.stringify(value));
  return {
    outlives: true,
    add: async (key, value) => localStorage.getItem(own(key)) === null && (await set(key, value), true),
    set,
    get: async (key) => JSON.parse(localStorage.getItem(own(key))) ?? undefined,
    remove: async (key) => localStorage.removeItem(own(key)),
    list: async (prefix) => names(prefix).map((name) => JSON.parse(localStorage.getItem(name))),
    replace: async (prefix, entries) => {
      for (const name of names(prefix)) localStorage.removeItem(name);
      for (const [key, value] of entries) await set(key, value);
    },
  };
}

export function inMemory() {
  const kept = new Map();
  const keys = (prefix) => [...kept.keys()].filter((key) => key.startsWith(prefix)).sort();
  return {
    outlives: false,
    add: async (key, value) => !kept.has(key) && Boolean(kept.set(key, value)),
    set: async (key, value) => kept.set(key, value),
    get: async (key) => kept.get(key),
    remove: async (key) => kept.delete(key),
    list: async (prefix) => keys(prefix).map((key) => kept.get(key)),
    replace: async (prefix, entries) => {
      for (const key of keys(prefix)) kept.delete(key);
      for (const [key, value] of entries) kept.set(key, value);
    },
  };
}
