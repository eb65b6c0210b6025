// Runs once for each gr.HTML: a click on anything with data-act becomes the event "act" with its data.
// Gradio provides: element, trigger, upload.
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (!button || !element.contains(button)) return;
  const field = button.parentElement.querySelector("input.fn-field");
  const menu = button.closest("details.fn-menu, details.fn-confirm");
  if (menu) menu.open = false;
  trigger("act", { ...button.dataset, ...into(), value: field ? field.value : "" });
});
// The collection that is named beside the buttons that add files, where there are such.
const into = () => {
  const named = element.querySelector('[name="collection"]');
  return named ? { collection: named.value } : {};
};

// A drawing between press and release takes the button away, and the click with it: the new button gets it.
const identity = ({ dataset: { typed, ...rest } }) => JSON.stringify(rest);
let press = null;
element.addEventListener(
  "pointerdown",
  (event) => {
    const button = event.target.closest("[data-act]");
    press = button && { button, what: identity(button), x: event.clientX, y: event.clientY };
  },
  true,
);
document.addEventListener(
  "pointerup",
  (event) => {
    const was = press;
    press = null;
    if (!was || was.button.isConnected || Math.hypot(event.clientX - was.x, event.clientY - was.y) > 8) return;
    [...element.querySelectorAll("[data-act]")].find((each) => identity(each) === was.what)?.click();
  },
  true,
);

// Entries that are not clicks: page.js and the fields below ask for them by this event.
element.addEventListener("footnote", (event) => trigger("act", event.detail));

element.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches(".fn-pop .fn-field")) return;
  event.preventDefault();
  event.target.parentElement.querySelector("[data-act]").click();
});

const filter = element.querySelector(".fn-filter");
if (filter) {
  let waiting = 0;
  filter.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => trigger("act", { act: "filter", value: filter.value }), 200);
  });

  const form = element.querySelector(".fn-folder");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    trigger("act", { act: "folder", value: form.path.value, ...into() });
  });

  const files = element.querySelector("#fn-files");
  const line = element.querySelector(".fn-upload");
  const say = (text) => {
    line.textContent = text;
    line.hidden = !text;
  };
  const send = async (list) => {
    const sent = [];
    const large = [];
    const failed = [];
    for (const [at, file] of list.entries()) {
      if (file.size > Number(files.dataset.most)) {
        large.push(file.name);
        continue;
      }
      say(`Uploading ${at + 1} of ${list.length}: ${file.name}`);
      try {
        sent.push({ path: (await upload(file)).path, name: file.name });
      } catch (error) {
        failed.push(file.name);
      }
    }
    files.value = "";
    const most = `${Math.floor(Number(files.dataset.most) / 2 ** 20)} MB`;
    const told = large.length ? [`Not uploaded, as no file may have more than ${most}: ${large.join(", ")}.`] : [];
    if (failed.length) {
      told.push(`Not uploaded: ${failed.join(", ")}. The connection broke, or there is no space left on the disk; try again.`);
    }
    say(told.join(" "));
    if (sent.length) trigger("act", { act: "upload", files: sent, ...into() });
  };
  files.addEventListener("change", () => send([...files.files]));
  element.addEventListener("footnote-files", (event) => send(event.detail));
}
