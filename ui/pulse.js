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
  return { tab, parts, chat, messages, writing, seconds: Math.floor(performance.now() / 1000) };
};

let beating = false;
let seenIndex = 0; // the generation of the index that the evidence pane was drawn from
const beat = async () => {
  if (beating || document.hidden) return;
  beating = true;
  try {
    const told = JSON.parse(await server.pulse(report()));
    if (told.do.includes("load")) return void location.reload();
    if (told.do.includes("draw")) trigger("draw", report());
    if (told.do.includes("show")) tellServer({ act: "show" });
    if (told.generation && told.generation !== seenIndex) {
      if (seenIndex) await redrawPane();
      seenIndex = told.generation;
    }
  } catch {
    // The server is away; a later beat finds it again, or another in its place.
  } finally {
    beating = false;
  }
};
setInterval(beat, BEAT_MS);
document.addEventListener("visibilitychange", beat);
