// Copy buttons: shown only where a script can copy; the text stays selectable without.
function source(button) {
  const element = document.getElementById(button.dataset.copy);
  return element.value ?? element.textContent.trim();
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(source(button));
    say(button, "Copied");
  } catch {
    const element = document.getElementById(button.dataset.copy);
    const range = document.createRange();
    range.selectNodeContents(element);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    say(button, "Selected: copy it with the keyboard");
  }
}

function say(button, words) {
  button.dataset.label ??= button.textContent;
  button.textContent = words;
  setTimeout(() => { button.textContent = button.dataset.label; }, 2500);
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}
