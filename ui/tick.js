// Goes with every tick: which revision of each part the tab shows, and how its conversation looks.
(view) => {
  const parts = {};
  for (const stamp of document.querySelectorAll("template[data-part]")) {
    parts[stamp.dataset.part] = stamp.dataset.revision;
  }
  const messages = document.querySelectorAll('#fn-chat [data-testid="user"], #fn-chat [data-testid="bot"]').length;
  const writing = document.querySelector("#fn-chat .fn-stage") !== null;
  const chat = document.querySelector(".fn-top")?.dataset.chat ?? "";
  return [view, { parts, chat, messages, writing, seconds: Math.floor(performance.now() / 1000) }];
}
