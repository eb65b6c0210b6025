// Goes on from page.js, in the same scope: pages of PDFs in the evidence pane.
// What the server sends of a page is HTML that it made itself; nothing here puts text of a document into it.
let shownAs = "page"; // or "both", or "text": what a person chose last, for every document that has pages
let zoom = 1; // of the pane's width
const ZOOMS = [0.5, 0.75, 1, 1.25, 1.5, 2, 3];

const sheet = () => element.querySelector(".fn-sheet");

const showAs = (kind) => {
  if (!sheet()) return;
  pane().dataset.as = shownAs = kind;
  pressView();
  const held = kind === "text" ? element.querySelector(".fn-as-text") : sheet();
  held.querySelector('.fn-views [aria-pressed="true"]')?.focus({ preventScroll: true });
  const scroll = element.querySelector(".fn-scroll");
  scroll.scrollTop = 0;
  if (kind !== "text") drawSheet();
  intoView(kind === "text" ? seenMark() : element.querySelector(".fn-box"));
};

const pressView = () => {
  for (const button of element.querySelectorAll(".fn-views button")) {
    button.setAttribute("aria-pressed", String(button.dataset.as === pane().dataset.as));
  }
};

const zoomed = () => {
  element.querySelector(".fn-leaf")?.style.setProperty("width", `${100 * zoom}%`);
};

// What is cited comes to a third of the height unless it is well in sight; in a wide page also to the middle.
const intoView = (cited) => {
  if (!cited) return;
  const scroll = element.querySelector(".fn-scroll");
  const top = cited.getBoundingClientRect().top - scroll.getBoundingClientRect().top;
  const bar = element.querySelector(".fn-sheet-bar")?.offsetHeight ?? 0;
  if (top < bar || top > scroll.clientHeight * 0.75) scroll.scrollTop += top - scroll.clientHeight / 3;
  const desk = cited.closest(".fn-desk");
  if (!desk) return;
  const { left, width } = cited.getBoundingClientRect();
  desk.scrollLeft += left + width / 2 - desk.getBoundingClientRect().left - desk.clientWidth / 2;
};

let turning = 0;
const turnTo = async (page, { focus = "" } = {}) => {
  const turn = ++turning;
  const held = sheet();
  delete held.dataset.waiting;
  held.setAttribute("aria-busy", "true");
  let html = "";
  try {
    html = await server.sheet({ link: pane().dataset.link, page });
  } catch {
    html = '<div class="fn-undrawn" role="alert"><p>The page did not come. Open the citation again.</p></div>';
  }
  if (turn !== turning || held !== sheet()) return;
  held.innerHTML = html;
  held.removeAttribute("aria-busy");
  pressView();
  zoomed();
  const picture = held.querySelector("img");
  picture?.addEventListener("error", () => held.querySelector(".fn-leaf").classList.add("fn-broken"));
  intoView(element.querySelector(".fn-box"));
  if (!focus) return;
  const again = [...held.querySelectorAll(".fn-sheet-bar button")];
  const wanted = again.find((each) => each.getAttribute("aria-label") === focus && !each.disabled);
  (wanted ?? again.find((each) => !each.disabled))?.focus({ preventScroll: true });
};

const drawSheet = () => {
  const held = sheet();
  if (held?.dataset.waiting) turnTo(Number(held.dataset.page));
};

new MutationObserver(() => {
  if (sheet() && pane().dataset.as !== "text") drawSheet();
}).observe(element, { childList: true, subtree: true });

element.addEventListener("click", (event) => {
  const button = event.target.closest('[data-pane="show"], [data-pane="page"], [data-pane="zoom"]');
  if (!button || !sheet()) return;
  switch (button.dataset.pane) {
    case "show":
      return void showAs(button.dataset.as);
    case "page":
      return void turnTo(Number(button.dataset.page), { focus: button.getAttribute("aria-label") ?? "Next page" });
    case "zoom": {
      const way = button.dataset.zoom;
      const larger = ZOOMS.find((each) => each > zoom) ?? zoom;
      const smaller = ZOOMS.findLast((each) => each < zoom) ?? zoom;
      zoom = way === "fit" ? 1 : way === "in" ? larger : smaller;
      zoomed();
      return void intoView(element.querySelector(".fn-box"));
    }
  }
});
