// Parts of a form that matter only for one choice of a select. Without this script all of them are shown.
function update(select) {
  for (const part of document.querySelectorAll(`[data-when="${CSS.escape(select.name)}"]`)) {
    part.hidden = part.dataset.is !== select.value;
  }
}

const names = new Set([...document.querySelectorAll("[data-when]")].map((part) => part.dataset.when));
for (const select of document.querySelectorAll("select")) {
  if (names.has(select.name)) {
    select.addEventListener("change", () => update(select));
    update(select);
  }
}
