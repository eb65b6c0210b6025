// Runs once, with the dialogs: what can be done in the conversation besides opening citations (page.js).
// Gradio provides: element, server, trigger. Nothing here puts text of a document into HTML.
const root = document.documentElement;
const composer = () => document.querySelector("#fn-box textarea");
const chat = () => document.getElementById("fn-chat");

// ---- the last exchange once more: "#retry-<answer>-<how>", "#edit-<question>", "#reuse-<answer>",
// "#variant-<question>"

const AGAIN = /^#(retry|edit|reuse|variant)-([0-9a-f]+)(?:-([a-z]+))?$/;

const again = (link) => {
  const [, act, message, how] = AGAIN.exec(link.getAttribute("href")) ?? [];
  if (!act) return false;
  trigger("act", { act, message, how: how ?? "", draft: composer()?.value ?? "" });
  if (act === "edit" || act === "reuse") composer()?.focus();
  return true;
};

document.addEventListener(
  "click",
  (event) => {
    const link = event.target.closest?.("#fn-chat a[href^='#']");
    if (link && again(link)) event.preventDefault();
  },
  true,
);

// ---- keys

document.addEventListener(
  "keydown",
  (event) => {
    if (event.target === composer() && event.key === "ArrowUp" && !event.target.value) {
      const pencil = [...chat().querySelectorAll('.user a[href^="#edit-"]')].at(-1);
      if (!pencil) return;
      event.preventDefault();
      return void pencil.click();
    }
    const cancel = document.querySelector('.fn-editing [data-act="edit-cancel"]');
    if (event.key === "Escape" && cancel && event.target === composer()) {
      event.preventDefault();
      event.stopPropagation();
      cancel.click();
    }
  },
  true,
);
