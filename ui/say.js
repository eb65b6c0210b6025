// Goes on from focus.js, in the same scope: what a drawing brings for everyone to know is said to a screen reader, in
// a live region that stays. One that comes with its words already in it is announced by few of them.
const saying = document.getElementById("fn-said");
let told = new Set(); // the words of the last drawing: what stays is not said again
const sayNews = () => {
  const words = seen("[data-say]").map((each) => each.textContent.trim());
  const news = words.filter((each) => !told.has(each));
  told = new Set(words);
  if (news.length || !words.length) saying.textContent = news.join(" ");
};
new MutationObserver(sayNews).observe(shell, { childList: true, subtree: true });
