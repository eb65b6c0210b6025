
// ---- appearance: the theme and the size of the text, as the settings say (after page.js)

const darkSystem = window.matchMedia("(prefers-color-scheme: dark)");
const lookOf = () => {
  const said = document.querySelector(".fn-settings")?.dataset;
  if (said) {
    // Until the settings have come, the page looks as it did the last time.
    localStorage.setItem("fn-theme", said.theme);
    localStorage.setItem("fn-text-size", said.textSize);
  }
  return {
    theme: said?.theme ?? localStorage.getItem("fn-theme") ?? "system",
    textSize: said?.textSize ?? localStorage.getItem("fn-text-size") ?? "normal",
  };
};
const dress = () => {
  const { theme, textSize } = lookOf();
  root.dataset.textSize = textSize;
  if (new URL(location.href).searchParams.has("__theme")) return; // the address says it
  document.body.classList.toggle("dark", theme === "system" ? darkSystem.matches : theme === "dark");
};
darkSystem.addEventListener("change", dress);
new MutationObserver(dress).observe(shell, { childList: true, subtree: true });
new MutationObserver(dress).observe(document.body, { attributes: true, attributeFilter: ["class"] });
dress();

// ---- a failing case that is asked again shows how it was searched

let tracing = "";
document.addEventListener(
  "click",
  (event) => {
    if (!event.target.closest?.("[data-trace]")) return;
    tracing = document.querySelector(".fn-top")?.dataset.chat || "none";
    closePane();
    show("chat");
  },
  true,
);
new MutationObserver(() => {
  if (!tracing || document.querySelector(".fn-top")?.dataset.chat === tracing) return;
  const how = newest()?.querySelector("details.fn-how");
  if (!how) return;
  tracing = "";
  how.open = true;
}).observe(shell, { childList: true, subtree: true });
