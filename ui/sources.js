// Runs once, with chat.js: finding files among the sources. Drawing the block anew may keep the field, set
// its text to something earlier, or replace it: what the person typed is known here, and put back.
const FINDER = ".fn-file-find";
const sought = { text: "", at: 0, focused: false };
let telling = 0;

const findFiles = (field) => {
  Object.assign(sought, { text: field.value, at: field.selectionStart, focused: true });
  clearTimeout(telling);
  telling = setTimeout(() => tellSidebar({ act: "files", value: sought.text }), 150);
};
document.addEventListener("input", (event) => event.target.matches?.(FINDER) && findFiles(event.target));
document.addEventListener("focusin", (event) => event.target.matches?.(FINDER) && (sought.focused = true));
document.addEventListener("focusout", (event) => {
  if (event.target.matches?.(FINDER) && event.target.isConnected) sought.focused = false; // a drawing takes it away
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !event.target.matches?.(FINDER) || !event.target.value) return;
  event.preventDefault();
  event.stopPropagation();
  event.target.value = "";
  findFiles(event.target);
}, true);

const keepFinding = () => {
  for (const box of document.querySelectorAll(".fn-sources input[type=checkbox]")) {
    box.indeterminate = "some" in box.dataset;
  }
  const field = document.querySelector(FINDER);
  if (!field) return;
  const away = !document.activeElement || document.activeElement === document.body;
  if (sought.focused && away) field.focus({ preventScroll: true });
  if (field.value === sought.text) return;
  field.value = sought.text;
  if (document.activeElement === field) field.setSelectionRange(sought.at, sought.at);
};
new MutationObserver(keepFinding).observe(document.getElementById("fn-side"), {
  childList: true,
  subtree: true,
  attributes: true,
  attributeFilter: ["value", "data-some"],
});
keepFinding();
