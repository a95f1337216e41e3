
// The list of conversations: what was typed leaves those that hold all of its words.
document.addEventListener("DOMContentLoaded", () => {
  const items = [...document.querySelectorAll("#conversations > li")];
  const texts = items.map((item) => item.textContent.toLowerCase());
  items.slice(0, 1000).forEach((item) => item.querySelectorAll("time").forEach(readableTime));

  byId("query").addEventListener("input", () => {
    const words = byId("query").value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    items.forEach((item, number) => {
      item.hidden = !words.every((word) => texts[number].includes(word));
      left += item.hidden ? 0 : 1;
    });
    byId("matches").textContent = words.length ? `${left} of ${items.length}` : "";
  });
  byId("query").addEventListener("keydown", (event) => {
    if (event.key === "Escape") byId("query").blur();
  });
  onClick("theme", theme.toggle);
  listenToKeys({ "/": focusSearch, t: theme.toggle });
});
