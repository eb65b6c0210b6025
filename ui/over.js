// Goes on from page.js, in the same scope: on a narrow screen the sidebar or the evidence lies over the page. What is
// beneath is out of reach meanwhile, also for the keyboard and a screen reader; the focus comes back with it.

// The dialogs and the lines that are said stay in reach.
function rest() {
  const [side, main, evidence] = ["side", "main", "evidence"].map((name) => document.getElementById(`fn-${name}`));
  const sideOpen = narrow() && root.classList.contains("fn-side-open");
  const over = sideOpen ? side : narrow() && root.classList.contains("fn-pane-open") ? evidence : null;
  const beside = [...main.children].filter((each) => !each.querySelector("dialog"));
  for (const each of [side, evidence, ...beside]) each.inert = over !== null && each !== over;
  document.querySelector(".fn-burger")?.setAttribute("aria-expanded", String(sideOpen));
  noteStep(over !== null);
}
NARROW.addEventListener("change", rest);

function openSide() {
  root.classList.add("fn-side-open");
  rest();
  document.querySelector("#fn-side .fn-new").focus({ preventScroll: true });
}

// Says whether it was open.
function closeSide() {
  if (!root.classList.contains("fn-side-open")) return false;
  const inside = document.getElementById("fn-side").contains(document.activeElement);
  root.classList.remove("fn-side-open");
  rest();
  if (inside) document.querySelector(".fn-burger")?.focus({ preventScroll: true });
  return true;
}

// What lies over the page is a step in the browser's history: its Back button takes it away, and leaves the
// conversation as it is. Closed in another way, the step stays, for there is no taking it out at once; what is opened
// next takes it over, unless another conversation has come into its address meanwhile.
function noteStep(over) {
  if (over === covered) return;
  covered = over;
  const here = location.search;
  if (!over || history.state?.over === here) return;
  history.pushState({ ...history.state, over: here }, "");
  onStep = true;
}

// The browser has gone to another entry of its history. Says whether it left a step.
function leaveStep() {
  const left = onStep;
  onStep = history.state?.over !== undefined;
  covered = false;
  asked++; // what is on its way would lie over another view
  closeSide();
  if (narrow()) closePane();
  return left;
}
