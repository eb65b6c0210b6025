// Runs once, with the dialogs: what can be done in the conversation besides opening citations (page.js).
// Gradio provides: element, server, trigger. Nothing here puts text of a document into HTML.
const root = document.documentElement;
const composer = () => document.querySelector("#fn-box textarea");
const chat = () => document.getElementById("fn-chat");

// ---- the last exchange once more: "#retry-<answer>-<how>", "#edit-<question>", "#reuse-<answer>",
// "#variant-<question>"

const AGAIN = /^#(retry|edit|reuse|variant)-([0-9a-f]+)(?:-([a-z0-9]+))?$/;

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

// ---- a question that was just asked comes into view, wherever the conversation was being read; Gradio
// follows new messages only from the bottom, so the answer is then followed too

let questions = 0;
const showLast = () => {
  const now = chat()?.querySelectorAll("[data-testid='user']").length ?? 0;
  const panel = now > questions && chat().querySelector(".panel-wrap");
  questions = now;
  if (panel) panel.scrollTop = panel.scrollHeight;
};
new MutationObserver(showLast).observe(document.getElementById("fn-main"), { childList: true, subtree: true });
showLast();

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

const side = document.getElementById("fn-side");
const openerOf = (chat) => [...side.querySelectorAll(".fn-open")].find((each) => each.dataset.chat === chat);

let renaming = null; // the conversation whose title is a field now, and what stands in it

const drawRename = () => {
  const button = renaming && openerOf(renaming.chat);
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

let menuOf = ""; // the conversation whose menu is open: it stays so when the sidebar is drawn again
side.addEventListener(
  "toggle",
  ({ target }) => {
    if (!target.isConnected || !target.matches(".fn-item .fn-menu")) return;
    const { chat } = target.closest(".fn-item").querySelector(".fn-open").dataset;
    if (target.open) menuOf = chat;
    else if (menuOf === chat) menuOf = "";
  },
  true,
);
const openMenu = () => {
  const menu = menuOf && openerOf(menuOf)?.closest(".fn-item").querySelector(".fn-menu");
  if (menu && !menu.open) menu.open = true;
};
new MutationObserver(() => {
  drawRename();
  openMenu();
}).observe(side, { childList: true, subtree: true });

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
  if (menu) {
    menu.open = false;
    menuOf = ""; // its toggle event comes only after the field for a title is drawn, which would open it again
  }
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

// ---- dialogs: the browser keeps the focus in an open one, and gives it back when it closes

const keys = element.querySelector("#fn-keys");
// Which keys are off is remembered in this browser, and stands at the root for whoever listens.
for (const box of element.querySelectorAll("[data-keys]")) {
  const kind = `${box.dataset.keys}Keys`;
  const kept = `footnote-${box.dataset.keys}-keys`;
  const follow = () => (root.dataset[kind] = box.checked ? "on" : "off");
  try {
    box.checked = localStorage.getItem(kept) !== "off";
  } catch {
    // a browser that keeps nothing for this page: the keys are on
  }
  follow();
  box.addEventListener("change", () => {
    follow();
    try {
      localStorage.setItem(kept, root.dataset[kind]);
    } catch {
      // it holds until the page is closed
    }
  });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-dialog]");
  if (button?.dataset.dialog === "keys") keys.showModal();
  else if (button?.dataset.dialog === "close") button.closest("dialog").close();
  else if (event.target.matches?.("dialog.fn-dialog")) event.target.close(); // beside it
});

// ---- keys

const shortcuts = () => root.dataset.shortcutKeys !== "off";
const command = (event, key) =>
  shortcuts() && (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === key;

document.addEventListener(
  "keydown",
  (event) => {
    if (document.querySelector("dialog[open]")) return void event.stopPropagation(); // the page below rests
    if (command(event, "/")) {
      event.preventDefault();
      return void keys.showModal();
    }
    if (command(event, "c") && event.shiftKey) {
      event.preventDefault();
      return void [...chat().querySelectorAll('a[href^="#copy-"]')].at(-1)?.click();
    }
    if (event.target === composer() && event.key === "ArrowUp" && !event.target.value && shortcuts()) {
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

// ---- what a screen reader hears: the stages of an answer and that it is there, not each piece of it

const live = element.querySelector("#fn-live");
let writing = null; // the conversation in which an answer is being made
// Of the newest answer, once it is there: its evidence, or the title that a refusal begins with.
const outcome = () => {
  const answer = [...chat().querySelectorAll("[data-testid='bot']")].at(-1);
  if (!answer?.querySelector(".fn-foot")) return null;
  return (answer.querySelector(".fn-judged > summary") ?? answer.querySelector("strong"))?.textContent ?? "";
};
const said = () => {
  const stage = chat().querySelector(".fn-stage");
  const here = document.querySelector(".fn-top")?.dataset.chat ?? null;
  // An answer that comes at once has no stage, but while it is made there is something to stop.
  if (stage || document.querySelector("#fn-box .stop-button")) {
    writing = here;
    return stage ? stage.textContent.trim() : "";
  }
  if (writing === null) return live.textContent;
  const done = writing === here ? outcome() : "";
  if (done === null) return live.textContent; // it is not drawn yet
  writing = null;
  return done && `Answer complete. ${done}`;
};
const tell = () => {
  if (!chat()) return;
  for (const log of chat().querySelectorAll('[aria-live="polite"]')) log.setAttribute("aria-live", "off");
  const text = said();
  if (live.textContent !== text) live.textContent = text;
};
new MutationObserver(tell).observe(document.getElementById("fn-main"), { childList: true, subtree: true });
tell();
