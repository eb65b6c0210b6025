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

// ---- conversations: finding, renaming in place, saving to a file

const tellSidebar = (detail) =>
  document.querySelector("#fn-side-html .fn-side")?.dispatchEvent(new CustomEvent("footnote", { detail, bubbles: true }));

const finder = document.querySelector(".fn-find");
let finding = 0;
const find = () => tellSidebar({ act: "find", value: finder.value });
finder.addEventListener("input", () => {
  clearTimeout(finding);
  finding = setTimeout(find, 200);
});

let renaming = null; // the conversation whose title is a field now, and what stands in it

const drawRename = () => {
  const button = renaming && [...document.querySelectorAll(".fn-open")].find((each) => each.dataset.chat === renaming.chat);
  if (!button || button.hidden) return;
  const { chat } = renaming;
  const field = document.createElement("input");
  Object.assign(field, { className: "fn-field fn-rename", value: renaming.value, maxLength: 80 });
  field.setAttribute("aria-label", "Title");
  const end = (save) => {
    if (renaming?.chat !== chat) return;
    renaming = null;
    if (save) tellSidebar({ act: "rename", chat, value: field.value });
    field.remove();
    button.hidden = false;
    button.focus({ preventScroll: true });
  };
  field.addEventListener("input", () => (renaming.value = field.value));
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter" || event.key === "Escape") end(event.key === "Enter");
  });
  // A redrawing of the sidebar takes the field away; it comes back with what was typed.
  field.addEventListener("blur", () => setTimeout(() => field.isConnected && end(true), 0));
  button.hidden = true;
  button.before(field);
  field.focus({ preventScroll: true });
  field.setSelectionRange(0, field.value.length);
};
new MutationObserver(drawRename).observe(document.getElementById("fn-side-html"), { childList: true, subtree: true });

const save = (exported) => {
  if (!exported) return;
  const { name, media_type: type, text } = JSON.parse(exported);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
};

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-rename], [data-export], [data-find]");
  if (!button) return;
  const menu = button.closest("details");
  if (menu) menu.open = false;
  if (button.dataset.find) {
    finder.value = "";
    finder.focus();
  } else if (button.dataset.rename) {
    const title = button.closest(".fn-item").querySelector(".fn-open").textContent;
    renaming = { chat: button.dataset.rename, value: title };
    drawRename();
  } else {
    server.export({ chat: button.dataset.chat, format: button.dataset.export }).then(save);
  }
});

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
