/* RanatView.mount: a page of documents, with a list of them, search, filters, and the one that is chosen.
 *
 * Of the list only the rows on the screen are drawn, so that ten thousand documents are no more work than ten.
 */
"use strict";
(() => {
  const RanatView = (globalThis.RanatView ??= {});
  const { make } = RanatView;
  const ROW = 56; // pixels, as in documents.css
  const SPARE = 6; // rows drawn above and below those on the screen
  const START = 120; // characters of a text that the list knows
  const PAUSE = 150; // milliseconds after the last key of a search

  /** Show documents in an element, in place of what was there.
   *
   * @param element any; "ranat:select" comes from it, and "ranat:document" with detail {document, index} when another
   *   document is shown.
   * @param documents a list of them (see view.js), or of their JSON, which is parsed when it is needed.
   * @param options {title: "…", render: what shows a document, called as RanatView.renderDocument (the default),
   *   index: the documents' summaries, if they are known,
   *   remark: what the list says beside a document's id, called with its index (nothing)}
   * @returns {show(index), replace(index, document)}: of `documents`; the latter after a document was changed.
   */
  RanatView.mount = (element, documents, options = {}) => {
    const render = options.render ?? RanatView.renderDocument;
    const rows = options.index ?? documents.map((_, number) => summary(at(number)));
    const filter = { hiddenTypes: new Set(), hiddenRelations: new Set(), minimumScore: 0, query: "" };
    const scored = rows.some((row) => row.lowest !== null);
    const texts = [];
    let order = [];
    let listed = []; // indices of the documents in the list
    let current = null; // index of the document that is shown

    const search = make("input", {
      type: "search",
      id: "ranat-search",
      placeholder: "Search texts and ids",
      autocomplete: "off",
    });
    const sorting = make(
      "select",
      { id: "ranat-order" },
      make("option", { value: "score" }, "Most uncertain first"),
      make("option", { value: "file" }, "As in the file"),
    );
    const tools = make(
      "div",
      { class: "tools" },
      make("label", { for: "ranat-search", class: "unseen" }, "Search"),
      search,
    );
    if (scored) tools.append(make("label", { for: "ranat-order", class: "unseen" }, "Order"), sorting);
    const space = make("div", { class: "rows" });
    const list = make("div", { class: "list", role: "listbox", tabindex: "0", "aria-label": "Documents" }, space);
    const count = make("p", { class: "count", role: "status" });
    const side = make("div", { class: "side", id: "ranat-side" }, tools, count, list);
    const previous = make("button", { type: "button", class: "step", "aria-keyshortcuts": "ArrowLeft" }, "← Previous");
    const next = make("button", { type: "button", class: "step", "aria-keyshortcuts": "ArrowRight" }, "Next →");
    const place = make("span", { class: "place" });
    const opener = make(
      "button",
      { type: "button", class: "opener", "aria-expanded": "false", "aria-controls": "ranat-side" },
      "List",
    );
    const title = make("h1", {}, make("bdi", {}, RanatView.shown(options.title ?? "Documents")));
    const header = make("header", {}, title, opener, make("nav", { "aria-label": "Documents" }, previous, place, next));
    const filters = make("section", { class: "filters", "aria-label": "Filters" });
    const shown = make("div", { class: "document" });
    const page = make(
      "div",
      { class: "ranat-page" },
      header,
      make("div", { class: "columns" }, side, make("main", {}, filters, shown)),
    );
    element.replaceChildren(page);

    function at(index) {
      if (typeof documents[index] === "string") documents[index] = JSON.parse(documents[index]);
      return documents[index];
    }

    filters.append(...chips("Entities", "hiddenTypes", tally(rows, "types"), RanatView.colour));
    const relationTypes = tally(rows, "relations");
    filters.append(...chips("Relations", "hiddenRelations", relationTypes, () => "plain"));
    if (scored) filters.append(slider());

    /* A group of check boxes, one a type, with how many there are: the legend, too. */
    function chips(name, key, counts, colour) {
      if (!counts.size) return [];
      const boxes = [];
      const all = make("button", { type: "button", class: "all" }, "none");
      const changed = () => {
        filter[key] = new Set(boxes.filter((box) => !box.checked).map((box) => box.value));
        all.textContent = filter[key].size ? "all" : "none";
        all.setAttribute("aria-label", `${name}: ${all.textContent}`);
        refresh();
      };
      all.setAttribute("aria-label", `${name}: none`);
      all.addEventListener("click", () => {
        const checked = filter[key].size > 0;
        for (const box of boxes) box.checked = checked;
        changed();
      });
      const labels = [...counts].map(([type, count]) => {
        const box = make("input", { type: "checkbox", value: type });
        box.checked = true;
        box.addEventListener("change", changed);
        boxes.push(box);
        return make(
          "label",
          { class: `chip ${colour(type)}` },
          box,
          make("bdi", {}, RanatView.shown(type) || "(no name)"),
          make("span", {}, count.toLocaleString("en")),
        );
      });
      return [
        make("fieldset", { class: "chips" }, make("legend", {}, name), ...labels, ...(counts.size > 1 ? [all] : [])),
      ];
    }

    function slider() {
      const input = make("input", { type: "range", id: "ranat-score", min: "0", max: "1", step: "0.01", value: "0" });
      const output = make("output", { for: "ranat-score" }, "0.00");
      input.addEventListener("input", () => {
        filter.minimumScore = Number(input.value);
        output.textContent = filter.minimumScore.toFixed(2);
        refresh();
      });
      return make("div", { class: "minimum" }, make("label", { for: "ranat-score" }, "Minimum score"), input, output);
    }

    /* Which documents are listed: those with what is searched for, and with something that the filters leave. */
    function refresh() {
      const query = filter.query.trim().toLowerCase();
      const least = filter.minimumScore;
      const left = (counts, hidden) =>
        Object.entries(counts).some(
          ([type, [, highest]]) => !hidden.has(type) && (highest === null || highest >= least),
        );
      const ofTypes = filter.hiddenTypes.size > 0 || least > 0;
      const ofRelations = filter.hiddenRelations.size > 0 && filter.hiddenRelations.size < relationTypes.size;
      listed = order.filter(
        (index) =>
          (!query || searched(index).includes(query)) &&
          (!ofTypes || left(rows[index].types, filter.hiddenTypes)) &&
          (!ofRelations || left(rows[index].relations, filter.hiddenRelations)),
      );
      const total = documents.length.toLocaleString("en");
      count.textContent =
        listed.length === documents.length
          ? `${total} document${total === "1" ? "" : "s"}`
          : `${listed.length.toLocaleString("en")} of ${total} documents`;
      space.style.setProperty("height", `${listed.length * ROW}px`);
      list.toggleAttribute("aria-disabled", !listed.length);
      if (!listed.includes(current)) current = null;
      show(current ?? listed[0] ?? null);
    }

    function sort() {
      order = documents.map((_, index) => index);
      // What has no score has nothing uncertain, and comes last; equal ones stay as in the file.
      if (scored && sorting.value === "score")
        order.sort((a, b) => (rows[a].lowest ?? 2) - (rows[b].lowest ?? 2) || a - b);
    }

    function show(index) {
      const changed = index !== current;
      current = index;
      const number = listed.indexOf(index);
      place.textContent = listed.length
        ? `${(number + 1).toLocaleString("en")} / ${listed.length.toLocaleString("en")}`
        : "0 / 0";
      previous.disabled = number <= 0;
      next.disabled = number < 0 || number + 1 >= listed.length;
      if (index === null)
        shown.replaceChildren(
          make("p", { class: "nothing" }, documents.length ? "No document has that." : "There is no document."),
        );
      else render(shown, at(index), filter);
      if (number >= 0) {
        const top = number * ROW;
        if (top < list.scrollTop) list.scrollTop = top;
        if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
      }
      drawRows();
      if (changed && index !== null) {
        const detail = { document: at(index), index };
        element.dispatchEvent(new CustomEvent("ranat:document", { bubbles: true, detail }));
      }
    }

    function step(by) {
      const number = listed.indexOf(current) + by;
      if (number < 0 || number >= listed.length) return;
      show(listed[number]);
      if (page.getBoundingClientRect().top < 0) page.scrollIntoView({ block: "start" });
    }

    function drawRows() {
      const first = Math.max(0, Math.floor(list.scrollTop / ROW) - SPARE);
      const last = Math.min(listed.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + SPARE);
      const drawn = [];
      for (let number = first; number < last; number++) drawn.push(row(listed[number], number));
      space.replaceChildren(...drawn);
      const active = listed.indexOf(current);
      if (active >= first && active < last) list.setAttribute("aria-activedescendant", `ranat-row-${active}`);
      else list.removeAttribute("aria-activedescendant");
    }

    function row(index, number) {
      const { id, lowest, start } = rows[index];
      const option = make(
        "div",
        {
          class: "row",
          role: "option",
          id: `ranat-row-${number}`,
          "data-index": index,
          "aria-selected": String(index === current),
          "aria-posinset": number + 1,
          "aria-setsize": listed.length,
        },
        make("b", {}, make("bdi", {}, RanatView.shown(id)), ` ${options.remark?.(index) ?? ""}`),
        make("span", { class: "lowest", title: "its lowest score" }, lowest === null ? "" : lowest.toFixed(2)),
        make(
          "span",
          { class: "snippet", dir: "auto" },
          snippet(filter.query.trim() ? at(index).text : start, filter.query),
        ),
      );
      option.style.setProperty("top", `${number * ROW}px`);
      return option;
    }

    /* Where a search looks, made when it is first needed. */
    function searched(index) {
      texts[index] ??= `${rows[index].id}\n${at(index).text}`.toLowerCase();
      return texts[index];
    }

    let waiting = null;
    search.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        filter.query = search.value;
        refresh();
      }, PAUSE);
    });
    sorting.addEventListener("change", () => {
      sort();
      refresh();
    });
    previous.addEventListener("click", () => step(-1));
    next.addEventListener("click", () => step(1));
    opener.addEventListener("click", () => open(!page.classList.contains("open")));
    list.addEventListener("scroll", drawRows, { passive: true });
    list.addEventListener("click", (event) => {
      const option = event.target.closest(".row");
      if (!option) return;
      show(Number(option.dataset.index));
      open(false);
    });
    list.addEventListener("keydown", (event) => {
      const most = listed.length;
      const page = Math.max(1, Math.floor(list.clientHeight / ROW) - 1);
      const by = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -most, End: most }[event.key];
      if (!by || !most) return;
      event.preventDefault();
      show(listed[Math.max(0, Math.min(most - 1, listed.indexOf(current) + by))]);
    });
    globalThis.document.addEventListener("keydown", (event) => {
      const step_ = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step_ || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || !page.isConnected) return;
      if (event.target.closest("input, select, textarea, [contenteditable]")) return;
      event.preventDefault();
      step(step_);
    });
    new ResizeObserver(drawRows).observe(list);

    /* On a narrow screen the list is opened above the document. */
    function open(wide) {
      page.classList.toggle("open", wide);
      opener.setAttribute("aria-expanded", String(wide));
      drawRows();
    }

    sort();
    refresh();
    return {
      show,
      replace(index, document) {
        documents[index] = document;
        rows[index] = summary(document);
        delete texts[index];
        if (index === current) show(index);
        else drawRows();
      },
    };
  };

  /* What the list and the filters need to know of a document; `ranat/view/documents_page.py` says what that is. */
  function summary(document) {
    const scores = [...(document.entities ?? []), ...(document.relations ?? [])].map((item) => item.score ?? null);
    const lowest = scores.reduce((a, b) => (a === null || (b !== null && b < a) ? b : a), null);
    const start = [...document.text.slice(0, 2 * START)].slice(0, START).join("");
    return {
      id: document.id,
      start,
      lowest,
      types: counted(document.entities),
      relations: counted(document.relations),
    };
  }
  RanatView.summary = summary;

  function counted(items = []) {
    const counts = new Map();
    for (const { type, score = null } of items) {
      const [count, highest] = counts.get(type) ?? [0, -1];
      counts.set(type, [count + 1, score === null || highest === null ? null : Math.max(highest, score)]);
    }
    return Object.fromEntries(counts);
  }

  /* How often each type is there in all documents, the most frequent first. */
  function tally(rows, key) {
    const counts = new Map();
    for (const row of rows) {
      for (const [type, [count]] of Object.entries(row[key])) counts.set(type, (counts.get(type) ?? 0) + count);
    }
    return new Map([...counts].sort((a, b) => b[1] - a[1]));
  }

  /* The beginning of a text, or where it has what is searched for. */
  function snippet(text, query) {
    const at = query.trim() ? text.toLowerCase().indexOf(query.trim().toLowerCase()) : -1;
    const from = Math.max(0, at - 20);
    return (from ? "…" : "") + RanatView.shown(text.slice(from, from + 120).replace(/\s+/g, " "));
  }

  /* A page that ranat wrote has its documents in itself, as JSON Lines, and an index of them. */
  const lines = (id) => globalThis.document.getElementById(id).textContent.split("\n").filter(Boolean);
  if (globalThis.document.getElementById("ranat-documents")) {
    const options = { title: globalThis.document.title, index: lines("ranat-index").map((line) => JSON.parse(line)) };
    RanatView.mount(globalThis.document.getElementById("ranat-page"), lines("ranat-documents"), options);
  }
})();
