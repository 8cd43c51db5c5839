// What is said of an answer's whereabouts, in the one place for it: seen, and read out politely by a screen reader.

const LASTING = ["kept", "unsafe", "locked"];
const status = document.getElementById("status");
let silence = 0;
let isLasting = false;

export function say(word, { tone = "good", count = 0, forMs = 0 } = {}) {
  clearTimeout(silence);
  isLasting = LASTING.includes(word);
  const text = word ? status.dataset[word].replace("{n}", String(count)) : "";
  if (status.textContent !== text) status.textContent = text; // a reader repeats what is written again
  status.dataset.tone = tone;
  status.dataset.word = word;
  if (forMs) silence = setTimeout(() => say(""), forMs);
}

// With another screen, and only then, what lasts gets a place of its own: nothing moves under a person's hand.
export function makeRoom() {
  status.parentElement.classList.toggle("is-open", isLasting);
}
