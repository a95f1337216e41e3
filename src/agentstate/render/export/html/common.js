"use strict";
// What every page does: the theme, keys, times as people read them, and what is announced.

const root = document.documentElement;
const byId = (id) => document.getElementById(id);
root.classList.add("js");

const theme = {
  key: "agentstate-theme",

  restore() {
    try {
      const kept = localStorage.getItem(theme.key);
      if (kept === "dark" || kept === "light") root.dataset.theme = kept;
    } catch {
      // A browser may refuse to keep anything for a file: the system's choice stands.
    }
  },

  toggle() {
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    const next = (root.dataset.theme ?? system) === "dark" ? "light" : "dark";
    root.dataset.theme = next;
    announce(`${next} theme`);
    try {
      localStorage.setItem(theme.key, next);
    } catch {
      // As above: it holds for this view.
    }
  },
};
theme.restore();

let silence = 0;

// Say something to those who listen and, for a moment, to those who look.
function announce(text) {
  byId("status").textContent = text;
  clearTimeout(silence);
  silence = setTimeout(() => (byId("status").textContent = ""), 2500);
}

const spans = [["second", 60], ["minute", 60], ["hour", 24]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

// Within a day say how long ago, else the day; the title has all of it, here and in UTC.
function readableTime(time) {
  const moment = new Date(time.dateTime);
  if (time.dataset.read || Number.isNaN(moment.getTime())) return;
  time.dataset.read = "yes";
  const whole = moment.toLocaleString(undefined, { dateStyle: "full", timeStyle: "medium" });
  time.title = `${whole} (${time.title || time.dateTime})`;
  const now = new Date();
  let distance = (moment - now) / 1000;
  for (const [unit, size] of spans) {
    if (Math.abs(distance) < size) {
      time.textContent = relative.format(Math.round(distance), unit);
      return;
    }
    distance /= size;
  }
  const year = moment.getFullYear() === now.getFullYear() ? undefined : "numeric";
  const day = { year, month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" };
  time.textContent = moment.toLocaleString(undefined, day);
}

// Obey single keys, except where somebody types or a browser has its own use for them.
function listenToKeys(keys) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input, textarea, select, dialog[open]")) return;
    const act = Object.hasOwn(keys, event.key) ? keys[event.key] : null;
    if (!act) return;
    event.preventDefault();
    act(event);
  });
}

function onClick(id, act) {
  byId(id).addEventListener("click", act);
}

function focusSearch() {
  byId("query").focus();
  byId("query").select();
}
