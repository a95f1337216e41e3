
// Search in the page: all branches, in slices of time, so that typing never waits.

const search = {
  pattern: null,
  hits: [],
  at: -1,
  turn: 0,
  filtering: false,
  most: 10000,
  painted: 2000,
  slice: 12,

  compile(text) {
    const words = text.trim().split(/\s+/).filter(Boolean);
    const safe = words.map((word) => word.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
    return safe.length ? new RegExp(safe.join("\\s+"), "giu") : null;
  },

  clear() {
    for (const { article } of search.hits) article.classList.remove("hit");
    search.hits = [];
    search.at = -1;
    globalThis.CSS?.highlights?.clear();
  },

  async run(text) {
    const turn = ++search.turn;
    search.clear();
    search.pattern = search.compile(text);
    if (search.pattern) {
      let began = performance.now();
      for (const article of document.querySelectorAll("article")) {
        search.collect(article);
        if (search.hits.length >= search.most) break;
        if (performance.now() - began < search.slice) continue;
        search.show();
        await new Promise((resume) => setTimeout(resume));
        if (turn !== search.turn) return;
        began = performance.now();
      }
      search.paint();
    }
    search.show();
  },

  collect(article) {
    let number = 0;
    for (const _ of article.querySelector(".body").textContent.matchAll(search.pattern)) {
      search.hits.push({ article, number });
      number += 1;
      if (search.hits.length >= search.most) break;
    }
    if (number) article.classList.add("hit");
  },

  show() {
    const count = search.hits.length;
    const all = count >= search.most ? `${count}+` : `${count}`;
    const text = search.at < 0 ? `${all} found` : `${search.at + 1} of ${all}`;
    byId("matches").value = search.pattern ? text : "";
    for (const id of ["previous", "next", "filter"]) byId(id).disabled = !count;
    if (!count && search.filtering) search.filter();
  },

  // Give the ranges of all matches in a message, which may begin in one text node and end in another.
  ranges(article) {
    const walker = document.createTreeWalker(article.querySelector(".body"), NodeFilter.SHOW_TEXT);
    const nodes = [];
    let text = "";
    while (walker.nextNode()) {
      nodes.push([text.length, walker.currentNode]);
      text += walker.currentNode.data;
    }
    let index = 0;
    const locate = (offset, isEnd) => {
      while (index + 1 < nodes.length && nodes[index + 1][0] < offset + (isEnd ? 0 : 1)) index += 1;
      return [nodes[index][1], offset - nodes[index][0]];
    };
    return Array.from(text.matchAll(search.pattern), (match) => {
      const range = document.createRange();
      range.setStart(...locate(match.index, false));
      range.setEnd(...locate(match.index + match[0].length, true));
      return range;
    });
  },

  paint() {
    if (!globalThis.CSS?.highlights) return;
    const articles = new Set(search.hits.slice(0, search.painted).map((hit) => hit.article));
    const highlight = new Highlight();
    for (const article of articles) {
      for (const range of search.ranges(article)) highlight.add(range);
    }
    CSS.highlights.set("matches", highlight);
  },

  jump(by) {
    const count = search.hits.length;
    if (!count) return;
    search.at = search.at < 0 && by < 0 ? count - 1 : (search.at + by + count) % count;
    const { article, number } = search.hits[search.at];
    const typing = document.activeElement === byId("query");
    if (tree.reveal(article)) announceBranch(article);
    const range = search.ranges(article)[number];
    const holder = range.startContainer.parentElement;
    for (let fold = holder.closest("details"); article.contains(fold); ) {
      fold.open = true;
      fold = fold.parentElement.closest("details");
    }
    if (!typing) {
      article.tabIndex = -1;
      article.focus({ preventScroll: true });
    }
    holder.scrollIntoView({ block: "center" });
    const box = range.getBoundingClientRect();
    if (box.top < 80 || box.bottom > innerHeight) scrollBy(0, box.top - innerHeight / 2);
    if (globalThis.CSS?.highlights) {
      const current = new Highlight(range);
      current.priority = 1;
      CSS.highlights.set("match", current);
    }
    search.show();
  },

  filter() {
    search.filtering = !search.filtering && search.hits.length > 0;
    byId("conversation").classList.toggle("filtering", search.filtering);
    byId("filter").setAttribute("aria-pressed", String(search.filtering));
  },

  start() {
    let wait = 0;
    byId("query").addEventListener("input", () => {
      clearTimeout(wait);
      wait = setTimeout(() => search.run(byId("query").value), 120);
    });
    byId("query").addEventListener("keydown", (event) => {
      if (event.key === "Enter") search.jump(event.shiftKey ? -1 : 1);
      else if (event.key === "Escape") byId("query").blur();
      else return;
      event.preventDefault();
    });
    onClick("next", () => search.jump(1));
    onClick("previous", () => search.jump(-1));
    onClick("filter", search.filter);
  },
};
