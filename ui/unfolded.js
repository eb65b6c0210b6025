// Goes on from fields.js: what was unfolded stays so while the view is drawn again, by the words of its summary.
const UNFOLDED = "details:not(.fn-confirm)"; // a question that was answered is not asked again
const unfolded = new Set();
const words = (details) => details.querySelector("summary").textContent;
element.addEventListener(
  "toggle",
  ({ target }) => {
    if (target.isConnected && target.matches(UNFOLDED)) unfolded[target.open ? "add" : "delete"](words(target));
  },
  true,
);
new MutationObserver(() => {
  for (const each of element.querySelectorAll(UNFOLDED)) if (unfolded.has(words(each))) each.open = true;
}).observe(element, { childList: true, subtree: true });
