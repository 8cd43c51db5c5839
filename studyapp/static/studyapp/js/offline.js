// A reload without network must not end in the browser's own error page: a worker of this run alone holds a page to
// wait on, with its scripts and styles. No screen and no answer is in its cache.

export async function prepareForReload() {
  try {
    await navigator.serviceWorker.register("worker.js");
    const { active } = await navigator.serviceWorker.ready;
    active.postMessage("hold");
  } catch {
    /* no workers in this browser, or no https: a reload then waits for the network */
  }
}

export async function endOfRun() {
  const registration = await navigator.serviceWorker?.getRegistration().catch(() => null);
  if (!registration) return;
  await caches.delete(`foretell ${registration.scope}`);
  await registration.unregister();
}
