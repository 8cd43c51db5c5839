// Keys: the one shown on a button chooses it, Enter goes on. Nothing else is read, and no key is kept.

// The slider of an overlay keeps its arrows, which choose nothing here.
const TYPING = "input:not([type=radio]):not([type=checkbox]):not([type=range]), textarea, select, [contenteditable]";

export function listenForKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest(TYPING)) return;
    if (event.key === "Enter") goOn(event);
    else choose(event);
  });
}

function choose(event) {
  if (event.key.length !== 1) return;
  const option = document.querySelector(`#screen input[data-key="${CSS.escape(event.key)}"]`);
  if (!option || option.matches(":disabled")) return;
  event.preventDefault();
  option.focus({ preventScroll: true });
  option.click();
}

function goOn(event) {
  // Links, buttons and the switch of an overlay keep what Enter means to them.
  if (event.target.closest("a, button, summary")) return;
  const form = document.querySelector("#screen form[data-send]");
  if (!form) return;
  event.preventDefault();
  form.requestSubmit();
}
