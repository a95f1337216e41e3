
// What is folded, what is clicked, what is pressed; and all of it begins when the page is read.

const folds = {
  toggleHere() {
    const inside = [...(tree.current()?.querySelectorAll("details") ?? [])];
    const open = inside.some((fold) => !fold.open);
    for (const fold of inside) fold.open = open;
  },

  // Open or close everything that is shown, in slices of time.
  async toggleAll() {
    const open = byId("folds").getAttribute("aria-pressed") !== "true";
    byId("folds").setAttribute("aria-pressed", String(open));
    announce(open ? "All unfolded" : "All folded");
    let began = performance.now();
    for (const segment of tree.segments()) {
      for (const fold of segment.querySelectorAll("article details")) fold.open = open;
      if (performance.now() - began < 12) continue;
      await new Promise((resume) => setTimeout(resume));
      began = performance.now();
    }
  },
};

async function copyAddress(article) {
  go(article);
  try {
    await navigator.clipboard.writeText(location.href);
    announce("Link copied");
  } catch {
    announce("The address leads here now");
  }
}

// Links to messages, wherever they stand: in the outline, beside a branch, on a number.
function followLink(event) {
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const summary = event.target.closest("details.branch > summary");
  const link = event.target.closest("a[href^='#m']");
  const article = summary
    ? summary.parentElement.querySelector("article")
    : link && tree.article(link.hash.slice(1));
  if (!article) return;
  event.preventDefault();
  if (link?.matches(".anchor")) copyAddress(article);
  else if (link?.matches(".siblings a")) switchTo(article, link.closest("article"));
  else go(article);
  if (link?.closest("#outline") && outline.isDrawer()) byId("outline").open = false;
}

// Times are made readable where they come near the screen.
function watchTimes() {
  const observer = new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      target.querySelectorAll("time").forEach(readableTime);
      observer.unobserve(target);
    }
  }, { rootMargin: "1000px" });
  for (const segment of document.querySelectorAll(".segment")) observer.observe(segment);
}

function watchScrolling() {
  let waiting = false;
  addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    setTimeout(() => {
      waiting = false;
      outline.locate();
    }, 100);
  }, { passive: true });
}

document.addEventListener("DOMContentLoaded", () => {
  outline.start();
  search.start();
  watchTimes();
  watchScrolling();
  document.addEventListener("click", followLink);
  addEventListener("hashchange", goToHash);
  const help = () => byId("keys").showModal();
  onClick("theme", theme.toggle);
  onClick("help", help);
  onClick("close-keys", () => byId("keys").close());
  onClick("open-outline", outline.toggle);
  onClick("folds", folds.toggleAll);
  onClick("leaf", goToLeaf);
  listenToKeys({
    j: () => step(true),
    k: () => step(false),
    "[": () => switchBranch("before"),
    "]": () => switchBranch("after"),
    l: goToLeaf,
    "/": focusSearch,
    n: () => search.jump(1),
    p: () => search.jump(-1),
    f: search.filter,
    e: folds.toggleHere,
    E: folds.toggleAll,
    o: outline.toggle,
    t: theme.toggle,
    "?": help,
  });
  goToHash();
  // What is out of sight until it is first drawn cannot be found on the screen before that.
  setTimeout(outline.locate, 100);
});
