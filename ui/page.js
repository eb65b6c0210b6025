// Runs once, with the evidence pane: links in answers, the views, the keys, dropped files.
// Gradio provides: element, props, server, trigger, watch. Nothing here puts text of a document into HTML.
const root = document.documentElement;
const shell = document.getElementById("fn-shell");
const box = () => document.querySelector("#fn-box textarea");
const pane = () => element.querySelector(".fn-pane");
// What a table says by its columns is marked, too, but not seen.
const seenMark = () => [...element.querySelectorAll("mark")].find((each) => each.getClientRects().length);
const NARROW = window.matchMedia("(max-width: 900px)");
const narrow = () => NARROW.matches;
let opener = null; // what had the focus before the pane opened
let covered = false; // whether something lies over the page, see over.js
let onStep = history.state?.over !== undefined; // whether this entry of the browser's history is one for it

// ---- views: chat, documents, quality, settings, and the sidebar on a narrow screen

const address = (name, value) => {
  const url = new URL(location.href);
  value ? url.searchParams.set(name, value) : url.searchParams.delete(name);
  history.replaceState(history.state, "", url);
};

const VIEWS = ["chat", "documents", "quality", "settings"];
const named = (view) => (VIEWS.includes(view) ? view : "chat");
const viewOfAddress = () => named(new URL(location.href).searchParams.get("view"));

const look = (view) => {
  root.dataset.at = named(view);
  for (const tab of document.querySelectorAll(".fn-top nav [data-view]")) {
    tab.setAttribute("aria-current", tab.dataset.view === root.dataset.at ? "page" : "false");
  }
};

// Another view is a step in the browser's history: its Back button returns to the one before.
const show = (view) => {
  if (view === "side") return void openSide();
  const fromSide = closeSide();
  if (named(view) !== root.dataset.at) {
    const url = new URL(location.href);
    named(view) === "chat" ? url.searchParams.delete("view") : url.searchParams.set("view", view);
    history.pushState({ ...history.state, over: undefined }, "", url);
    onStep = false;
  }
  look(view);
  if (fromSide) focusTab();
};
const focusTab = () => document.querySelector('.fn-top nav [aria-current="page"]')?.focus({ preventScroll: true });
// The first stop of the keyboard leads past the sidebar.
document.addEventListener("click", ({ target }) => {
  if (!target.closest?.("[data-skip]")) return;
  const controls = document.querySelectorAll("#fn-main > .fn-view :is(a[href], button, input, select, textarea, summary)");
  const first = [...controls].find((each) => each.checkVisibility() && !each.disabled);
  (root.dataset.at === "chat" ? box() : first)?.focus();
});

window.addEventListener("popstate", () => {
  const left = leaveStep();
  look(viewOfAddress());
  const at = document.activeElement;
  const gone = !at || at === document.body || !at.checkVisibility(); // it was in the view before
  if (gone || at.closest(".fn-top nav")) focusTab();
  const top = document.querySelector(".fn-top");
  const chat = new URL(location.href).searchParams.get("chat") ?? "";
  if (top && left) return void address("chat", top.dataset.chat);
  if (top && top.dataset.chat !== chat) tellServer(chat ? { act: "open", chat } : { act: "new" });
});

// The top bar is drawn anew with every change of conversation: its tabs and the address follow.
const followTop = () => {
  const top = document.querySelector(".fn-top");
  if (!top) return;
  if (top.dataset.seen) return;
  top.dataset.seen = "1";
  if (started) address("chat", top.dataset.chat);
  look(root.dataset.at);
  rest();
};
let started = false;

// The chat has no event of its own; the sidebar's reaches the server, and bubbles up to it from inside.
const tellServer = (detail) => {
  const inside = document.querySelector("#fn-side-html .fn-side");
  inside?.dispatchEvent(new CustomEvent("footnote", { detail, bubbles: true }));
};

// ---- the evidence pane

const copy = async (text, button) => {
  if (!text) return;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.body.appendChild(document.createElement("textarea"));
    area.value = text;
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const label = button.textContent;
  if (label === "Copied") return;
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = label), 1500);
};

// The open citation looks pressed wherever it stands; a rule survives every redrawing of the chat.
const pressed = document.head.appendChild(document.createElement("style"));
const markOpen = (link) => {
  const key = /^#[a-z]+-[0-9a-f]+(-\d+)?$/.test(link) ? link : "";
  root.classList.toggle("fn-pane-open", Boolean(key));
  rest();
  pressed.textContent = key
    ? `#fn-chat p a[href^="${key}-"] { background: var(--fn-accent) !important; color: var(--fn-panel) !important; }
       #fn-chat a.fn-chip[href="${key}"], #fn-chat a.fn-chip[href^="${key}-"] { border-color: var(--fn-accent) !important; color: var(--fn-ink) !important; }`
    : "";
};

const bare = (link) => link.replace(/^(#[a-z]+-[0-9a-f]+-\d+)-[a-z]+$/, "$1");
let asked = 0;
let drawing = null; // how to place the text once the pane is drawn
let paneHtml = ""; // as the server sent it

const openPane = async (link, { before, after, keep = "" } = {}) => {
  const turn = ++asked;
  const scroll = element.querySelector(".fn-scroll");
  const html = await server.evidence({ link: bare(link), before, after, as: shownAs });
  if (turn !== asked || !html) return;
  drawing = { keep, top: scroll?.scrollTop ?? 0, height: scroll?.scrollHeight ?? 0 };
  props.value = paneHtml = html;
};

const sameText = (one, other) => one.replace(SHOWN_AS, "") === other.replace(SHOWN_AS, "");
const SHOWN_AS = / data-as="[a-z]+"/; // changes without the server

// The index has changed: what a document said that is gone by now must not stay on the screen.
const redrawPane = async () => {
  if (!pane()) return;
  const { link, before, after } = pane().dataset;
  const turn = asked;
  const html = await server.evidence({ link, before: Number(before), after: Number(after), as: shownAs });
  if (turn !== asked || sameText(html, paneHtml)) return;
  if (!html) return void closePane();
  const scroll = element.querySelector(".fn-scroll");
  drawing = { keep: "after", top: scroll.scrollTop, height: scroll.scrollHeight, focus: element.contains(document.activeElement) };
  props.value = paneHtml = html;
};

// A box that scrolls keeps a header from sticking to the pane: only tables that are too wide have one.
const fitTables = () => {
  for (const box of element.querySelectorAll(".fn-table-box")) {
    box.classList.toggle("fn-fits", box.scrollWidth <= box.clientWidth);
  }
};
window.addEventListener("resize", fitTables);

// Gradio draws when it is ready to, so what follows a drawing waits for it.
const drawn = () => {
  const shown = pane();
  fitTables();
  markOpen(shown ? shown.dataset.link : "");
  if (!shown || !drawing) return;
  const { keep, top, height, focus } = drawing;
  drawing = null;
  const scroll = element.querySelector(".fn-scroll");
  const mark = seenMark();
  if (keep) {
    scroll.scrollTop = keep === "before" ? top + scroll.scrollHeight - height : top;
    if (focus) element.querySelector("h2").focus({ preventScroll: true }); // what had it is gone
    return;
  }
  scroll.scrollTop = 0;
  const depth = mark ? mark.getBoundingClientRect().bottom - scroll.getBoundingClientRect().top : 0;
  if (depth > scroll.clientHeight * 0.8) scroll.scrollTop = depth - scroll.clientHeight / 2;
  element.querySelector("h2").focus({ preventScroll: true });
};
new MutationObserver(drawn).observe(element, { childList: true, subtree: true });

const closePane = () => {
  if (!pane()) return false;
  asked++;
  props.value = "";
  markOpen("");
  if (opener?.isConnected) opener.focus({ preventScroll: true });
  opener = null;
  return true;
};

const LINKS = 'a[href^="#cite-"], a[href^="#found-"], a[href^="#doc-"], a[href^="#part-"]';

document.addEventListener(
  "click",
  (event) => {
    const link = event.target.closest?.(LINKS);
    if (link) {
      event.preventDefault();
      const target = link.getAttribute("href");
      if (pane()?.dataset.link === bare(target)) return void closePane();
      if (!element.contains(link)) opener = link; // a drawing takes away those inside
      if (link.dataset.as) shownAs = link.dataset.as;
      return void openPane(target);
    }
    const copied = event.target.closest?.('a[href^="#copy-"]');
    if (copied) {
      event.preventDefault();
      const message = copied.getAttribute("href").slice("#copy-".length);
      return void server.answer_text({ message }).then((text) => copy(text, copied));
    }
    const beside = event.target.closest?.("[data-copy]");
    if (beside) return void copy(beside.parentElement.querySelector("code").textContent, beside);
    // What a refusal offers: "#again-<message>" asks everything, "#try-<message>-<number>" asks a heading.
    const offer = event.target.closest?.('a[href^="#again-"], a[href^="#try-"]');
    if (offer) {
      event.preventDefault();
      const [, act, message, number] = /^#(again|try)-([0-9a-f]+)(?:-(\d+))?$/.exec(offer.getAttribute("href")) ?? [];
      if (act) trigger("act", { act, message, number: Number(number ?? 0) });
      return;
    }
    const way = event.target.closest?.('#fn-chat a[href^="#view-"]');
    if (way) {
      event.preventDefault();
      return void show(way.getAttribute("href").slice("#view-".length));
    }
    const opinion = event.target.closest?.('a[href^="#say-"]');
    if (opinion) {
      event.preventDefault();
      const [, message, verdict, marker] = opinion.getAttribute("href").split("-");
      return void tellServer({ act: "feedback", message, verdict, marker });
    }
    const view = event.target.closest?.("[data-view]");
    if (view) return void show(view.dataset.view);
    const trial = event.target.closest?.("[data-try]");
    if (trial) {
      show("chat");
      const hello = document.querySelector("#fn-hello-html .fn-hello");
      const detail = { act: "try", text: trial.dataset.try };
      return void hello?.dispatchEvent(new CustomEvent("footnote", { detail, bubbles: true }));
    }
    const wish = event.target.closest?.("[data-do]");
    if (wish) return void fulfil(wish.dataset.do);
    const left = !event.target.closest?.("#fn-side") || event.target.closest('[data-act="open"], [data-act="new"]');
    const fromSide = left && closeSide();
    if (event.target.closest?.('[data-act="open"], [data-act="new"], [data-act="ask"]')) {
      closePane();
      show("chat");
      if (event.target.closest('[data-act="new"]') || (fromSide && keyed)) box()?.focus();
    }
    for (const menu of document.querySelectorAll("details.fn-menu[open], details.fn-confirm[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  },
  true,
);

element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-pane]");
  if (!button || !pane()) return;
  const { link, before, after } = pane().dataset;
  const chars = Number(button.dataset.chars);
  switch (button.dataset.pane) {
    case "close":
      return void closePane();
    case "go":
      return void openPane(button.dataset.to);
    case "copy":
      return void server.quote({ link }).then((text) => copy(text, button));
    case "before":
      return void openPane(link, { before: chars, after: Number(after), keep: "before" });
    case "after":
      return void openPane(link, { before: Number(before), after: chars, keep: "after" });
  }
});

// ---- documents: buttons that need no server, and files dropped anywhere

const tools = () => document.querySelector("#fn-tools-html .fn-bar");

const fulfil = (wish) => {
  const bar = tools();
  if (wish === "files") {
    show("documents");
    bar.querySelector("#fn-files").click();
  } else if (wish === "folder") {
    show("documents");
    const form = bar.parentElement.querySelector(".fn-folder");
    form.hidden = !form.hidden;
    bar.querySelector('[data-do="folder"]').setAttribute("aria-expanded", String(!form.hidden));
    if (!form.hidden) form.path.focus();
  } else if (wish === "clear") {
    const filter = bar.querySelector(".fn-filter");
    filter.value = "";
    filter.dispatchEvent(new Event("input"));
  }
};

const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
let over = 0;
document.addEventListener("dragover", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  root.classList.add("fn-dropping");
  clearTimeout(over);
  over = setTimeout(() => root.classList.remove("fn-dropping"), 300);
});
document.addEventListener(
  "drop",
  (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    event.stopPropagation();
    root.classList.remove("fn-dropping");
    show("documents");
    const holder = tools().closest("#fn-tools-html").querySelector(".fn-bar").parentElement;
    holder.dispatchEvent(new CustomEvent("footnote-files", { detail: [...event.dataTransfer.files] }));
  },
  true,
);

// ---- keys

const askNext = () => {
  if (narrow()) closePane() || closeSide(); // they lie over it
  box()?.focus();
};
const newest = () => [...document.querySelectorAll('#fn-chat [data-testid="bot"]')].at(-1);

document.addEventListener("keydown", (event) => {
  if (event.key === " " && event.target.matches?.('#fn-chat a[role="button"]')) {
    event.preventDefault(); // a link that is a button obeys the space bar too
    return void event.target.click();
  }
  const typing = event.target.matches?.("input, textarea, select, [contenteditable]");
  if (event.key === "Escape") {
    if (closeSide()) return;
    const menu = document.querySelector("details.fn-menu[open], details.fn-confirm[open]");
    if (menu) {
      menu.open = false;
      return void menu.querySelector("summary").focus();
    }
    const stop = document.querySelector("#fn-box .stop-button");
    if (stop) return void stop.click();
    return void closePane();
  }
  const shortcut = (event.ctrlKey || event.metaKey) && root.dataset.shortcutKeys !== "off";
  if (shortcut && event.shiftKey && event.key.toLowerCase() === "o") {
    event.preventDefault();
    return void document.querySelector('[data-act="new"]')?.click();
  }
  if (shortcut && event.key.toLowerCase() === "k") {
    event.preventDefault();
    return void askNext();
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || root.dataset.singleKeys === "off") return;
  if (event.key === "/") {
    event.preventDefault();
    show("chat");
    askNext();
  } else if (event.key === "[" || event.key === "]") {
    const steps = element.querySelectorAll(".fn-step");
    steps[event.key === "[" ? 0 : 1]?.click();
  } else if (/^[1-9]$/.test(event.key)) {
    newest()?.querySelector(`a[href^="#cite-"][href*="-${event.key}-"]`)?.click();
  }
});

// ---- upkeep of what Gradio draws

// Gradio repeats the raw Markdown of a message as its label, and a screen reader would read the markup.
// What is said of a citation stands under its answer; the same link in the pane's foot repeats it.
const followOpinion = () => {
  const link = element.querySelector(".fn-say-wrong");
  if (!link) return;
  const below = document.querySelector(`#fn-chat a[href="${link.getAttribute("href")}"]`);
  const words = `${below?.textContent.startsWith("✓") ? "✓ " : ""}This passage is wrong`;
  if (link.textContent !== words) link.textContent = words;
};
const tidy = () => {
  followOpinion();
  for (const message of document.querySelectorAll("#fn-chat [data-testid][aria-label]")) {
    message.removeAttribute("aria-label");
  }
  followTop();
};
look(viewOfAddress());
new MutationObserver(tidy).observe(shell, { childList: true, subtree: true });
tidy();
setTimeout(() => (started = true), 0);
