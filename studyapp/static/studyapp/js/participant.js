// A participant's page: what it measures, how it sends, which keys it knows. Without it the page is a plain form.
import { takeCourse } from "./course.js";
import { listenForKeys } from "./keys.js";
import { listenForOverlays } from "./overlay.js";
import { watchScreen } from "./trial.js";

listenForKeys();
listenForOverlays();
watchScreen(0); // the clock of performance.now() begins with the page
takeCourse();
