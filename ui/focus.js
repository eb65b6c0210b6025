// Goes on from page.js, in the same scope: a drawing takes away what has the focus. The focus goes to what stands
// for it in the new drawing; where there is no such thing, to what can be undone now, to what it names itself, to what
// has come into its place in its section, or back to the view itself.
// "data-next" names what is worked on next, selectors in the order of preference with ";" between them; "data-soon"
// what is worth waiting for, because another process brings it.
const FOCUSED = "button, a[href], summary, input[type=checkbox], [data-next]"; // fields: see fields.js
const WAIT_MS = 600; // parts of one update are drawn one after the other
const SOON_MS = 5000;
let focused = null; // the element that had the focus last, and how to know it again
let keyed = false; // whether it was reached, or left, with the keyboard

// What an element is for, whatever state it is in.
const purpose = (each) => {
  const { on, typed, some, next, soon, ...data } = each.dataset;
  const inside = each.matches("summary") ? each.closest("[data-doc]")?.dataset.doc ?? each.closest("li")?.textContent : "";
  const known = each.hasAttribute("href") || Object.keys(data).length;
  const words = known ? "" : each.getAttribute("aria-label") ?? each.textContent;
  return JSON.stringify([each.tagName, each.getAttribute("href"), data, inside, words]);
};
const seen = (selector) => [...shell.querySelectorAll(selector)].filter((each) => each.checkVisibility());
const standsFor = ({ purpose: was }) =>
  seen(FOCUSED).find((each) => purpose(each) === was) ?? (keyed ? seen(".fn-toast button, .fn-deleted button")[0] : null);

document.addEventListener("keydown", () => (keyed = true), true);
document.addEventListener("pointerdown", () => (keyed = false), true);
// Where an element stands in the section around it: what was the next one there comes to the same place.
const PLACES = `${FOCUSED}, input, select, textarea`;
const nameOf = (section) => section?.getAttribute("aria-labelledby") ?? section?.getAttribute("aria-label");
const placesIn = (section) => [...section.querySelectorAll(PLACES)].filter((each) => !each.disabled && each.checkVisibility());
const placeOf = (each) => {
  const section = each.closest("section");
  return { section: nameOf(section), at: section ? placesIn(section).indexOf(each) : -1 };
};
const nextInPlace = ({ section, at }) => {
  const again = section && seen("section").find((each) => nameOf(each) === section);
  const left = again ? placesIn(again) : [];
  return left[Math.min(at, left.length - 1)];
};

const nextNamed = ({ next }) => next?.split(";").map((each) => seen(each)[0]).find(Boolean);

document.addEventListener("focusin", ({ target }) => {
  const known = target.matches?.(FOCUSED) && shell.contains(target);
  const { next, soon } = known ? target.dataset : {};
  focused = known ? { element: target, purpose: purpose(target), next, soon, ...placeOf(target) } : null;
});

// A drawing may also keep an element and make another thing of it, or leave it where nobody sees it.
const isLost = () => {
  if (!focused || (document.activeElement && document.activeElement !== document.body)) return false;
  const { element: each, purpose: was } = focused;
  return !each.isConnected || !each.checkVisibility() || purpose(each) !== was;
};
// The element that has the focus may have become another thing, such as the same button of another row.
const isOther = () => focused && document.activeElement === focused.element && purpose(focused.element) !== focused.purpose;
const afterDrawing = () => {
  if (isOther()) {
    const again = seen(FOCUSED).find((each) => purpose(each) === focused.purpose);
    if (again) again.focus({ preventScroll: true });
    else focused.purpose = purpose(focused.element); // what it was is gone: what stands in its place now is as near
    return;
  }
  if (!isLost()) return;
  const again = standsFor(focused);
  if (again) return void again.focus({ preventScroll: true });
  const was = focused;
  const soon = was.soon && keyed && seen(was.soon)[0];
  if (soon) return void soon.focus();
  if (was.waits) return;
  was.waits = true; // and is not asked again with each drawing
  setTimeout(() => {
    if (!isLost() || focused !== was) return;
    focused = null;
    if (!keyed) return;
    const near = nextNamed(was) ?? nextInPlace(was);
    if (near) return void near.focus();
    (root.dataset.at === "chat" ? box() : seen('.fn-top nav [aria-current="page"]')[0])?.focus({ preventScroll: true });
  }, was.soon ? SOON_MS : WAIT_MS);
};
new MutationObserver(afterDrawing).observe(shell, { childList: true, subtree: true });
