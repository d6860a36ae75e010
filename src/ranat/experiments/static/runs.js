"use strict";

// Runs are rows that exist already; this script sorts, filters and opens them, and fills in comparisons of chosen ones.

const runs = document.querySelector("#runs");
const bodies = [...runs.querySelectorAll("tbody")];

runs.querySelectorAll("th button").forEach((button) => {
  button.addEventListener("click", () => {
    const head = button.closest("th");
    const down = head.getAttribute("aria-sort") === "ascending";
    const column = [...head.parentNode.children].indexOf(head);
    runs.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = (body) => body.rows[0].cells[column].dataset.key ?? "";
    bodies.sort((one, other) => {
      const [a, b] = [key(one), key(other)];
      if (a === "" || b === "") return (a === "") - (b === ""); // what is not known comes last
      const order = isNaN(a) || isNaN(b) ? a.localeCompare(b, undefined, { numeric: true }) : a - b;
      return down ? -order : order;
    });
    runs.append(...bodies);
  });
});

const search = document.querySelector("#search");
const corpus = document.querySelector("#corpus");
const count = document.querySelector("#count");

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const body of bodies) {
    const text = body.dataset.text;
    body.hidden = !(words.every((word) => text.includes(word)) && (!corpus.value || body.dataset.corpus === corpus.value));
    shown += !body.hidden;
  }
  count.textContent = shown === bodies.length ? `${shown} runs` : `${shown} of ${bodies.length} runs`;
}
search.addEventListener("input", filter);
corpus.addEventListener("change", filter);

runs.addEventListener("click", (event) => {
  const button = event.target.closest(".name button");
  if (!button) return;
  const detail = button.closest("tbody").rows[1];
  detail.hidden = !detail.hidden;
  button.setAttribute("aria-expanded", String(!detail.hidden));
});

// Comparisons: a checkbox chooses all seeds of a group, as a comparison is one of groups.

const comparisons = [...document.querySelectorAll("section.comparison")];
const clear = document.querySelector("#clear");
const chosen = new Set();

runs.addEventListener("change", (event) => {
  const group = event.target.dataset.group;
  if (!group) return;
  if (event.target.checked) chosen.add(group);
  else chosen.delete(group);
  show();
});

clear.addEventListener("click", () => {
  chosen.clear();
  show();
});

comparisons.forEach((section) => section.addEventListener("change", () => show()));

function show() {
  clear.hidden = chosen.size === 0;
  for (const body of bodies) {
    const box = body.querySelector("input[data-group]");
    if (!box) continue;
    box.checked = chosen.has(box.dataset.group);
    body.classList.toggle("chosen", box.checked);
  }
  for (const section of comparisons) fill(section);
}

function fill(section) {
  const rows = [...section.querySelectorAll("tbody tr")];
  const some = rows.some((row) => chosen.has(row.dataset.group));
  section.hidden = chosen.size > 0 && !some;
  section.querySelector(".answer").hidden = some;
  rows.forEach((row) => (row.hidden = some && !chosen.has(row.dataset.group)));
  const visible = rows.filter((row) => !row.hidden);
  const base = visible.find((row) => row.querySelector("input").checked) ?? visible[0];
  if (!base) return;
  base.querySelector("input").checked = true;
  const pairs = JSON.parse(section.querySelector("script").textContent);
  const found = visible.filter((row) => row !== base).map((row) => [row, between(pairs, base.dataset.number, row.dataset.number)]);
  const corrected = holm(found.filter(([, pair]) => pair.difference).map(([, pair]) => pair.difference.p));
  visible.forEach((row) => row.querySelectorAll("[data-fill]").forEach((cell) => (cell.textContent = "")));
  for (const [row, { difference, seeds_to_decide: needed }] of found) {
    const put = (name, text) => (row.querySelector(`[data-fill=${name}]`).textContent = text);
    if (!difference) {
      put("difference", "no seed in common");
      continue;
    }
    put("difference", points(difference.estimate));
    put("interval", `${points(difference.low)} to ${points(difference.high)}`);
    put("p", difference.p.toFixed(3));
    const p = corrected.shift();
    put("holm", p.toFixed(3));
    if (difference.seeds < 2) put("seeds", "3 or more");
    else if (p < 0.05) put("seeds", "decided");
    else put("seeds", needed === null ? "over 100" : String(needed));
  }
  for (const row of visible) {
    const ratio = Number(row.dataset.xfp) / Number(base.dataset.xfp);
    row.querySelector("[data-ratio]").textContent = `× ${ratio.toFixed(2)}`;
  }
}

function between(pairs, base, other) {
  if (pairs[`${base}-${other}`]) return pairs[`${base}-${other}`];
  const { difference, seeds_to_decide } = pairs[`${other}-${base}`];
  if (!difference) return { difference, seeds_to_decide };
  const { estimate, low, high } = difference;
  return { difference: { ...difference, estimate: -estimate, low: -high, high: -low }, seeds_to_decide };
}

// p-values adjusted for their number, as `ranat.evaluation.significance.holm`.
function holm(values) {
  const adjusted = new Array(values.length);
  let highest = 0;
  [...values.keys()]
    .sort((one, other) => values[one] - values[other])
    .forEach((place, rank) => {
      highest = Math.max(highest, values[place] * (values.length - rank));
      adjusted[place] = Math.min(highest, 1);
    });
  return adjusted;
}

function points(value) {
  const rounded = (100 * value).toFixed(2);
  return value > 0 ? `+${rounded}` : rounded.replace("-", "−");
}

filter();
show();
