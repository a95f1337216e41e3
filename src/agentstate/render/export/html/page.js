
// A conversation. Runs of messages lie in each other: .run > .segment > article, and where a run
// forks .run > .branches > details.branch > .run. A branch that is chosen hides what follows it in
// its run, so that switching moves nothing. (By a class: a style for all that follows would cost
// the square of their number.)

const tree = {
  // In which runs a branch is chosen, and at which fork.
  chosen: new Map(),

  article(id) {
    const found = byId(id);
    return found?.localName === "article" ? found : null;
  },

  // Make a message one of those shown; say whether that took another branch.
  reveal(article) {
    let switched = false;
    let inner = article;
    while (inner) {
      const run = inner.parentElement.closest(".run");
      const fork = tree.chosen.get(run);
      const follows = fork?.compareDocumentPosition(inner) & Node.DOCUMENT_POSITION_FOLLOWING;
      if (follows && !fork.contains(inner)) {
        tree.unchoose(fork);
        switched = true;
      }
      inner = run.closest("details.branch");
      if (inner && !inner.classList.contains("chosen")) {
        tree.choose(inner);
        switched = true;
      }
    }
    if (switched) outline.follow();
    return switched;
  },

  choose(branch) {
    const fork = branch.parentElement;
    const before = tree.chosen.get(fork.parentElement);
    if (before) tree.unchoose(before);
    tree.chosen.set(fork.parentElement, fork);
    branch.classList.add("chosen");
    branch.open = true;
    fork.classList.add("chosen");
    for (const part of tree.following(fork)) part.classList.add("off");
  },

  unchoose(fork) {
    tree.chosen.delete(fork.parentElement);
    for (const part of tree.following(fork)) part.classList.remove("off");
    fork.classList.remove("chosen");
    const branch = fork.querySelector(":scope > .chosen");
    branch.classList.remove("chosen");
    branch.open = false;
  },

  *following(part) {
    for (let next = part.nextElementSibling; next; next = next.nextElementSibling) yield next;
  },

  // Give the segments that are shown, in order.
  *segments() {
    let part = document.querySelector("main > .run")?.firstElementChild;
    while (part) {
      if (part.classList.contains("segment")) yield part;
      part = part.classList.contains("chosen")
        ? part.querySelector(":scope > .chosen > .run").firstElementChild
        : part.nextElementSibling;
    }
  },

  after(article) {
    if (article.nextElementSibling) return article.nextElementSibling;
    let part = article.parentElement.nextElementSibling;
    while (part && part.classList.contains("branches")) {
      if (part.classList.contains("chosen")) return part.querySelector(".chosen article");
      part = part.nextElementSibling;
    }
    return part?.firstElementChild ?? null;
  },

  before(article) {
    if (article.previousElementSibling) return article.previousElementSibling;
    let part = article.parentElement;
    for (;;) {
      const above = part.previousElementSibling;
      if (above?.classList.contains("segment")) return above.lastElementChild;
      part = above ?? part.closest(".run").closest("details.branch")?.parentElement;
      if (!part) return null;
    }
  },

  first() {
    return tree.segments().next().value?.firstElementChild ?? null;
  },

  // The message that is worked with: the one in focus, else the uppermost on the screen.
  current() {
    return document.activeElement?.closest("article") ?? tree.uppermost();
  },

  uppermost() {
    const main = byId("conversation").getBoundingClientRect();
    const bar = document.querySelector(".bar").getBoundingClientRect();
    for (let y = bar.bottom + 12; y < innerHeight; y += 24) {
      const found = document.elementFromPoint(main.left + main.width / 2, y)?.closest("article");
      if (found) return found;
    }
    return null;
  },
};

// Going somewhere: the message is shown, takes the focus and stands in the address.

function go(article, { block = "start", keep = true } = {}) {
  if (tree.reveal(article)) announceBranch(article);
  article.tabIndex = -1;
  article.focus({ preventScroll: true });
  article.scrollIntoView({ block });
  if (keep && location.hash !== `#${article.id}`) history.pushState(null, "", `#${article.id}`);
}

function announceBranch(article) {
  const place = article.querySelector(".place")?.textContent.replace("/", " of ");
  announce(place ? `Branch ${place}` : "Another branch");
}

// Put a branch where the one before it stood, so that eyes need not move.
function switchTo(article, from) {
  const top = from?.getBoundingClientRect().top;
  go(article);
  if (top !== undefined) scrollBy(0, article.getBoundingClientRect().top - top);
}

function step(forward) {
  const from = tree.current();
  let article = from ? (forward ? tree.after(from) : tree.before(from)) : tree.first();
  if (from && !from.contains(document.activeElement) && forward) article = from;
  while (article && search.filtering && !article.classList.contains("hit")) {
    article = forward ? tree.after(article) : tree.before(article);
  }
  if (article) go(article, { keep: false });
}

// Take the branch beside the one shown, at the nearest fork from here up.
function switchBranch(which) {
  let first = tree.current() ?? tree.first();
  while (first && !first.querySelector(".siblings")) {
    const head = first.parentElement.firstElementChild;
    first = first === head ? tree.before(first) : head;
  }
  const link = first?.querySelector(`.siblings .${which}[href]`);
  if (link) switchTo(tree.article(link.hash.slice(1)), first);
  else announce(first ? `No branch ${which} this one` : "It does not fork above");
}

function goToLeaf() {
  const leaf = document.querySelector("article > header > mark")?.closest("article");
  for (const fork of [...tree.chosen.values()]) tree.unchoose(fork);
  outline.follow();
  if (leaf) go(leaf);
}

function goToHash() {
  const article = tree.article(location.hash.slice(1));
  if (article) go(article, { keep: false });
}

const outline = {
  links: new Map(),
  on: [],
  here: null,

  start() {
    for (const link of document.querySelectorAll("#outline a")) {
      outline.links.set(link.hash.slice(1), link);
    }
    outline.on = [...document.querySelectorAll("#outline .on")];
    if (outline.isDrawer()) byId("outline").open = false;
  },

  isDrawer: () => matchMedia("(max-width: 60rem)").matches,

  // Beside the text it is shown or not; on a narrow screen it is a drawer.
  toggle() {
    if (outline.isDrawer()) byId("outline").open = !byId("outline").open;
    else root.classList.toggle("without-outline");
  },

  // Mark what is on the branch that is shown.
  follow() {
    const shown = new Set(tree.segments());
    for (const item of outline.on) item.classList.remove("on");
    outline.on = [];
    for (const [id, link] of outline.links) {
      if (shown.has(byId(id).parentElement)) outline.on.push(link.parentElement);
    }
    for (const item of outline.on) item.classList.add("on");
    byId("leaf").hidden = !tree.chosen.size;
    outline.locate();
  },

  // Mark where the reader is: the last that is listed, from the uppermost message up.
  locate() {
    let article = tree.uppermost();
    for (let steps = 0; article && steps < 500 && !outline.links.has(article.id); steps += 1) {
      article = tree.before(article);
    }
    const link = article && outline.links.get(article.id);
    if (!link || link === outline.here) return;
    outline.here?.removeAttribute("aria-current");
    link.setAttribute("aria-current", "location");
    outline.here = link;
    const box = byId("outline").getBoundingClientRect();
    const at = link.getBoundingClientRect();
    if (at.top < box.top || at.bottom > box.bottom) {
      byId("outline").scrollTop += at.top - box.top - box.height / 3;
    }
  },
};
