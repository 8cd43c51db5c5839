// A place is a screen of a run: its position, and the attempt at it.

export function placeOf(main) {
  const [position, attempt] = (main?.dataset.place ?? "").split(".").map(Number);
  return attempt ? { position, attempt } : null;
}

export function isSame(one, other) {
  return one.position === other.position && one.attempt === other.attempt;
}

export function isAfter(one, other) {
  return one.position > other.position || (one.position === other.position && one.attempt > other.attempt);
}

// Sorts as the places do.
export function keyOf({ position, attempt }) {
  return `${String(position).padStart(6, "0")}.${String(attempt).padStart(3, "0")}`;
}
