// The screen in the page: putting another in its place, and what is missing on it.

export function current() {
  return document.querySelector("main");
}

export function put(main) {
  const adopted = document.adoptNode(main);
  current().replaceWith(adopted);
  document.title = adopted.dataset.title ?? document.title;
  window.scrollTo(0, 0);
  takeFocus(adopted);
  return adopted;
}

// Screen readers begin at what is new: the summary of what is missing, else the heading.
function takeFocus(main) {
  const target = main.querySelector(".errors:not([hidden])") ?? main.querySelector("h1");
  target.setAttribute("tabindex", "-1");
  target.focus({ preventScroll: true });
}

// The page to wait on, in words that are true of this browser.
export function waitingPage(isSafe) {
  const main = document.getElementById("waiting").content.firstElementChild.cloneNode(true);
  tellWhetherSafe(main, isSafe);
  return main;
}

export function tellWhetherSafe(main, isSafe) {
  for (const words of main.querySelectorAll("[data-kept]")) words.hidden = (words.dataset.kept === "safe") !== isSafe;
}

// The same summary that the server would send, without asking it.
export function isAnswered(form) {
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
