// Runs once, with chat.js: finding files among the sources. The block is drawn anew with every change of it.
const FINDER = ".fn-file-find";
let typing = null; // what is typed in the field, and where the caret stands, while it has the focus
let telling = 0;

const findFiles = (field) => {
  typing = { text: field.value, at: field.selectionStart };
  clearTimeout(telling);
  telling = setTimeout(() => tellSidebar({ act: "files", value: typing?.text ?? field.value }), 150);
};
document.addEventListener("input", (event) => event.target.matches?.(FINDER) && findFiles(event.target));
document.addEventListener("focusin", (event) => {
  if (event.target.matches?.(FINDER)) typing = { text: event.target.value, at: event.target.selectionStart };
});
document.addEventListener("focusout", (event) => {
  if (event.target.matches?.(FINDER) && event.target.isConnected) typing = null; // a drawing takes the field away
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !event.target.matches?.(FINDER) || !event.target.value) return;
  event.preventDefault();
  event.stopPropagation();
  event.target.value = "";
  findFiles(event.target);
}, true);

const keepFinding = () => {
  for (const box of document.querySelectorAll(".fn-sources [data-some]")) box.indeterminate = true;
  const field = document.querySelector(FINDER);
  if (!field || !typing || document.activeElement === field) return;
  if (document.activeElement && document.activeElement !== document.body) return;
  const { text, at } = typing;
  field.focus({ preventScroll: true });
  field.value = text;
  field.setSelectionRange(at, at);
  typing = { text, at };
};
new MutationObserver(keepFinding).observe(document.getElementById("fn-side"), { childList: true, subtree: true });
keepFinding();
