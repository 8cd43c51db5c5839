// The service worker of one run. It answers only where the network does not: a reload gets the page to wait on, whose
// scripts then show what the page itself had kept. It holds no screen and no answer.

const NAME = `foretell ${self.registration.scope}`;
const WAITING = new URL("offline/", self.registration.scope).href;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => event.waitUntil(hold()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(fetch(request).catch(() => held(WAITING)));
  else if (["script", "style"].includes(request.destination)) {
    event.respondWith(fetch(request).catch(() => held(request)));
  }
});

// The page to wait on, with what it names: styles and scripts, and the scripts that those import.
async function hold() {
  const found = new Map([[WAITING, null]]);
  for (const address of found.keys()) {
    const response = await fetch(address);
    if (!response.ok) return; // the run is over, or a deploy is under way: what is held stays
    found.set(address, response.clone());
    for (const [, name] of (await response.text()).matchAll(/(?:href=|src=|from )"([^"]+\.(?:css|js))"/g)) {
      const next = new URL(name, address).href;
      if (!found.has(next)) found.set(next, null);
    }
  }
  const cache = await caches.open(NAME);
  await Promise.all(Array.from(found, ([address, response]) => cache.put(address, response)));
}

async function held(what) {
  const cache = await caches.open(NAME);
  return (await cache.match(what, { ignoreVary: true })) ?? Response.error();
}
