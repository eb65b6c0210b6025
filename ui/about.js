// Goes on from page.js, in the same scope: words selected in the text of a document can be asked about.
// What is selected reaches the composer as a value, never as HTML.
const ABOUT_CHARS = 300; // of a selection that go into the question

const aboutButton = document.createElement("button");
Object.assign(aboutButton, { type: "button", className: "fn-about-this", textContent: "Ask about this", hidden: true });
shell.append(aboutButton);

// Text that is shown by a document, not what the pane says around it.
const selectedWords = () => {
  const selection = getSelection();
  if (!selection?.rangeCount || selection.isCollapsed) return null;
  const range = selection.getRangeAt(0);
  const around = range.commonAncestorContainer;
  const text = (around.nodeType === Node.TEXT_NODE ? around.parentElement : around)?.closest?.("#fn-evidence .fn-text");
  const words = selection.toString().split(/\s+/).filter(Boolean).join(" ");
  return text && words ? { words: words.slice(0, ABOUT_CHARS), place: range.getBoundingClientRect() } : null;
};

const offerAbout = () => {
  const selected = selectedWords();
  aboutButton.hidden = !selected;
  if (!selected) return;
  const { left, bottom } = selected.place;
  const { width, height } = aboutButton.getBoundingClientRect();
  const scale = Number(getComputedStyle(shell).zoom) || 1; // of large text: lengths inside count so much more
  aboutButton.style.left = `${Math.max(8, Math.min(left, window.innerWidth - width - 8)) / scale}px`;
  aboutButton.style.top = `${Math.min(bottom + 6, window.innerHeight - height - 8) / scale}px`;
};
document.addEventListener("selectionchange", offerAbout);
document.addEventListener("scroll", () => (aboutButton.hidden = true), true);

aboutButton.addEventListener("mousedown", (event) => event.preventDefault()); // the selection stays
aboutButton.addEventListener("click", () => {
  const selected = selectedWords();
  const field = box();
  if (!selected || !field) return;
  if (narrow()) closePane(); // the sheet lies over the composer
  show("chat");
  const begun = field.value.trim();
  field.value = `${begun ? `${begun} ` : ""}“${selected.words}” `;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  getSelection().removeAllRanges();
  field.focus();
});
