// Goes on from page.js, in the same scope: once a second the tab says which revision of each part it shows and
// how its conversation looks, and does what the server answers. A tab that nobody sees is silent.
const BEAT_MS = 1000;

const report = () => {
  const parts = {};
  for (const stamp of document.querySelectorAll("template[data-part]")) {
    parts[stamp.dataset.part] = stamp.dataset.revision;
  }
  const { tab = "", chat = "" } = document.querySelector(".fn-top")?.dataset ?? {};
  const messages = document.querySelectorAll('#fn-chat [data-testid="user"], #fn-chat [data-testid="bot"]').length;
  const writing = document.querySelector("#fn-chat .fn-stage") !== null;
  const stop = document.querySelector("#fn-box .stop-button") !== null; // an answer that is written can be stopped
  return { tab, parts, chat, messages, writing, stop, seconds: Math.floor(performance.now() / 1000) };
};

// What stands in the composer outlives a page that is loaded again for a server that was started anew.
const DRAFT = "footnote-draft";
const loadAgain = () => {
  sessionStorage.setItem(DRAFT, box()?.value ?? "");
  location.reload();
};
const takeDraft = () => {
  const draft = sessionStorage.getItem(DRAFT);
  sessionStorage.removeItem(DRAFT);
  if (!draft || !box() || box().value) return;
  box().value = draft;
  box().dispatchEvent(new Event("input", { bubbles: true }));
};

const AWAY_BEATS = 3; // a server that is busy may let one pass
let unheard = 0; // beats in turn that nobody has answered
const heard = (answered) => {
  unheard = answered ? 0 : unheard + 1;
  const note = document.getElementById("fn-away");
  if (note) note.hidden = unheard < AWAY_BEATS;
};

const ANSWER_MS = 30_000; // a request that never ends would be the last
const ask = async (said) => {
  const signal = AbortSignal.timeout(ANSWER_MS);
  const reply = await fetch("/pulse", { method: "POST", body: JSON.stringify(said), signal });
  if (!reply.ok) throw new Error(`the server says ${reply.status}`);
  return await reply.json();
};

let beating = false;
let seenIndex = 0; // the generation of the index that the evidence pane was drawn from
const beat = async () => {
  if (beating || document.hidden) return;
  beating = true;
  try {
    const told = await ask(report());
    heard(true);
    if (told.do.includes("load")) return void loadAgain();
    if (told.generation && !seenIndex) takeDraft();
    if (told.do.includes("draw")) trigger("draw", report());
    if (told.do.includes("show")) tellServer({ act: "show" });
    if (told.generation && told.generation !== seenIndex) {
      if (seenIndex) await redrawPane();
      seenIndex = told.generation;
    }
  } catch {
    heard(false); // a later beat finds it again, or another in its place
  } finally {
    beating = false;
  }
};
setInterval(beat, BEAT_MS);
document.addEventListener("visibilitychange", beat);
