// The slider of a picture's colours: how strong they stand over it. Without scripts a box shows or hides them.

export function listenForOverlays() {
  document.addEventListener("input", (event) => {
    if (!event.target.matches(".overlay-range")) return;
    const explanation = event.target.closest(".explanation");
    explanation.style.setProperty("--overlay", event.target.value / event.target.max);
  });
}
