// Goes on from actions.js, in the table of documents: rows are ticked, and what can be done with all of them
// stands in a bar. Ticks are kept here: a drawing of the table loses none of a document that it still shows, and
// what the filter no longer shows is no longer ticked, so nothing happens to a document that nobody sees.
const ticked = new Set();
const boxes = () => [...element.querySelectorAll("[data-tick]")];
let last = null; // the document that was ticked last: a click with Shift reaches from there

const showTicks = () => {
  const all = boxes();
  const shown = new Set(all.map((each) => each.dataset.tick));
  for (const doc of ticked) if (!shown.has(doc)) ticked.delete(doc);
  for (const each of all) each.checked = ticked.has(each.dataset.tick);
  const head = element.querySelector("[data-ticks='all']");
  if (!head) return;
  head.checked = ticked.size > 0 && ticked.size === shown.size;
  head.indeterminate = ticked.size > 0 && !head.checked;
  const bar = element.querySelector(".fn-picked");
  const said = ticked.size ? `${ticked.size.toLocaleString("en")} selected` : "";
  const line = bar.querySelector("[role=status]");
  if (line.textContent !== said) line.textContent = said; // each change is read aloud, and seen by the observer
  bar.hidden = !ticked.size;
  for (const button of bar.querySelectorAll("[data-act]")) {
    const fitting = all.filter((each) => each.checked && (!button.dataset.only || button.dataset.only === each.dataset.can));
    button.dataset.docs = fitting.map((each) => each.dataset.tick).join(" ");
    button.hidden = !fitting.length;
  }
  keepFocus(bar);
};

// What was done may leave the button that did it without a use: the focus stays in the bar.
let held = ""; // the words of what has the focus there
const keepFocus = (bar) => {
  const active = document.activeElement;
  if (!held || bar.hidden || (active !== document.body && !active.hidden)) return;
  const left = [...bar.querySelectorAll("button, summary")].filter((each) => each.checkVisibility());
  const again = left.find((each) => each.textContent === held) ?? left.find((each) => each.dataset.only) ?? left[0];
  again.focus({ preventScroll: true });
};
const hold = ({ target }) => (held = target.closest?.(".fn-picked") ? target.textContent : "");
document.addEventListener("focusin", hold);
document.addEventListener("pointerdown", hold, true);

element.addEventListener("click", (event) => {
  const { tick } = event.target.dataset ?? {};
  if (tick === undefined) return;
  const all = boxes();
  const at = all.indexOf(event.target);
  const from = event.shiftKey ? all.findIndex((each) => each.dataset.tick === last) : -1;
  const reached = from < 0 ? [event.target] : all.slice(Math.min(at, from), Math.max(at, from) + 1);
  for (const each of reached) ticked[event.target.checked ? "add" : "delete"](each.dataset.tick);
  last = tick;
  showTicks();
});
element.addEventListener("change", (event) => {
  if (event.target.dataset?.ticks !== "all") return;
  for (const each of boxes()) ticked[event.target.checked ? "add" : "delete"](each.dataset.tick);
  showTicks();
});
element.addEventListener("click", (event) => {
  if (!event.target.closest("[data-ticks='clear']")) return;
  const head = element.querySelector("[data-ticks='all']");
  ticked.clear();
  showTicks();
  head.focus({ preventScroll: true }); // the bar, and with it what had the focus, is gone
});
new MutationObserver(showTicks).observe(element, { childList: true, subtree: true });
