// Entries in fields that are settings, and the place of whoever types while the view is drawn again.
// Gradio provides: element, trigger.
const entry = (field) => {
  const value = field.type === "checkbox" ? String(field.checked) : field.value;
  return { act: "set", name: field.dataset.set, part: field.dataset.part ?? "", value };
};

// The press on a button takes the focus from a field, which changes it. What the server draws then would
// come under the pointer before the press is a click; so the entry waits for that.
let pressed = false;
let waiting = [];
const send = () => {
  for (const each of waiting.splice(0)) trigger("act", each);
};
document.addEventListener("pointerdown", () => (pressed = true), true);
for (const end of ["pointerup", "pointercancel"]) {
  document.addEventListener(end, () => {
    pressed = false;
    setTimeout(send, 0);
  }, true);
}

element.addEventListener("change", (event) => {
  const field = event.target.closest("[data-set]");
  if (!field) return;
  typed = null;
  waiting.push(entry(field));
  if (!pressed) send();
});

// A button that acts on the entries of its section takes them along: two events may overtake each other.
element.addEventListener(
  "click",
  (event) => {
    const button = event.target.closest("[data-typed]");
    if (!button) return;
    waiting = [];
    const fields = [...button.closest("section").querySelectorAll("[data-set]:not(:disabled)")];
    button.dataset.typed = JSON.stringify(fields.map(entry));
  },
  true,
);

element.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches("input.fn-field[data-set]")) return;
  event.preventDefault();
  event.target.dispatchEvent(new Event("change", { bubbles: true }));
});

// What had the focus, by what it is rather than which element: a drawing replaces every element.
const place = (target) => {
  const { set, part, act, name, section } = target.dataset;
  const value = target.type === "radio" ? target.value : undefined;
  return { set, part, act, name, section, value };
};
const same = (target, wanted) =>
  Object.entries(place(target)).every(([key, value]) => value === wanted[key]);
// The button that resets a setting is gone once it has: the setting stands for it.
const resetOf = ({ act, name }) => {
  const fields = act === "reset" ? [...element.querySelectorAll(`[data-set="${name}"]`)] : [];
  return fields.find((each) => each.checked) ?? fields[0];
};
let focused = null;
let typed = null; // text that the server has not heard of
element.addEventListener("focusin", (event) => {
  if (event.target.matches("[data-set], [data-act]")) focused = place(event.target);
});
element.addEventListener("focusout", (event) => {
  // Whether the person left it or a drawing takes it away is known once it is gone; see below.
  const was = focused;
  setTimeout(() => {
    if (event.target.isConnected && focused === was) focused = typed = null;
  }, 0);
});
element.addEventListener("input", (event) => {
  if (event.target.matches("input.fn-field")) typed = { text: event.target.value, at: event.target.selectionStart };
});
new MutationObserver(() => {
  if (!focused || (document.activeElement && document.activeElement !== document.body)) return;
  const known = [...element.querySelectorAll("[data-set], [data-act]")].find((each) => same(each, focused));
  const again = known ?? resetOf(focused);
  if (!again) return;
  const kept = typed;
  again.focus({ preventScroll: known !== undefined }); // that is where it was, and another may be out of sight
  if (!kept) return;
  again.value = kept.text;
  again.setSelectionRange(kept.at, kept.at);
  typed = kept;
}).observe(element, { childList: true, subtree: true });
