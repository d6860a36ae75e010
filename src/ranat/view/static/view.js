/* RanatView: documents with their entities and relations, in a page. Plain JavaScript: change it and reload.
 *
 *   RanatView.renderDocument(element, document, options)   one document: its text, arcs, triples
 *   RanatView.mount(element, documents, options)           a whole page: list, search, filters, documents (page.js)
 *   RanatView.selectedSpan(element)                        what the reader has selected in a text (marks.js)
 *
 * A document is what `ranat` writes as JSON Lines; its offsets count code points:
 *   {"id", "text", "entities": [{"id", "type", "spans": [[start, end], …], "score"?, "concept"?}, …],
 *    "relations": [{"type", "head", "tail", "score"?}, …]}
 *
 * What is selected is told by an event that bubbles: "ranat:select", with
 *   event.detail = {document, kind: "entity" | "relation" | null, entity, relation, index}
 * where `index` is the place in document.entities or document.relations; kind null: nothing is selected any more.
 */
"use strict";
(() => {
  const RanatView = (globalThis.RanatView ??= {});
  const { make } = RanatView;

  /** A score as it is shown; empty if there is none. */
  RanatView.score = (score) => (typeof score === "number" ? score.toFixed(3) : "");

  /** What filters leave of a document: {entities, relations}, of which the latter are {index, relation, head, tail}.
   *
   * A relation may name concepts in place of entities; it is shown between the two mentions that are nearest.
   * @param filter {hiddenTypes: Set, hiddenRelations: Set, minimumScore}; all may be left out.
   */
  RanatView.visible = (document, filter = {}) => {
    const scores = (item) => typeof item.score !== "number" || item.score >= (filter.minimumScore ?? 0);
    const entities = (document.entities ?? []).filter((one) => !filter.hiddenTypes?.has(one.type) && scores(one));
    const named = new Map();
    const add = (name, entity) => (named.get(name) ?? named.set(name, []).get(name)).push(entity);
    if (document.relations?.length) {
      const ids = new Set((document.entities ?? []).map((entity) => entity.id));
      for (const entity of entities) {
        add(entity.id, entity);
        for (const concept of conceptsOf(entity)) if (!ids.has(concept)) add(concept, entity);
      }
    }
    const relations = [];
    (document.relations ?? []).forEach((relation, index) => {
      if (filter.hiddenRelations?.has(relation.type) || !scores(relation)) return;
      const ends = nearest(named.get(relation.head) ?? [], named.get(relation.tail) ?? []);
      if (ends) relations.push({ index, relation, head: ends[0], tail: ends[1] });
    });
    return { entities, relations };
  };

  /* A concept and its parts, as `Entity.concepts` in ranat/documents/document.py gives them. */
  function conceptsOf({ concept }) {
    if (!concept) return [];
    const parts = concept
      .split(/[,;]/)
      .flatMap((part) => (/\|(SUB|DEL|INS|DUP|INDEL|FS|Allele)\|/i.test(part) ? [part] : part.split("|")));
    return new Set([
      concept,
      ...parts.map((part) => part.trim()).filter((part) => part && part !== "-" && part !== "-1"),
    ]);
  }

  function nearest(heads, tails) {
    let best = null;
    let least = Infinity;
    for (const head of heads) {
      for (const tail of tails) {
        const apart = Math.abs(head.spans[0][0] - tail.spans[0][0]) + (head === tail ? 1e9 : 0);
        if (apart < least) [best, least] = [[head, tail], apart];
      }
    }
    return best;
  }

  /* What is known of an entity or relation besides its type. */
  const facts = ({ concept, score }) =>
    [concept, typeof score === "number" ? `score ${RanatView.score(score)}` : null].filter(Boolean);

  /* A mention as a screen reader says it. */
  const described = (document, entity) =>
    RanatView.shown([RanatView.mention(document, entity), entity.type, ...facts(entity)].join(", "));

  /* A relation as a row of the list: head, type → tail, score. */
  function tripleButton(document, { index, relation, head, tail }) {
    const word = (entity) =>
      make(
        "bdi",
        { class: `word ${RanatView.colour(entity.type)}` },
        RanatView.shown(RanatView.mention(document, entity)),
      );
    const kind = make("span", { class: "kind" }, " ", make("bdi", {}, RanatView.shown(relation.type)), " → ");
    return make(
      "button",
      { type: "button", "data-relation": index, "aria-pressed": "false" },
      make("span", { class: "said" }, word(head), kind, word(tail)),
      make("span", { class: "score" }, RanatView.score(relation.score)),
    );
  }

  /** Show a document in an element, in place of what was there.
   *
   * @param element any; "ranat:select" comes from it.
   * @param document see above.
   * @param options what `visible` takes, and
   *   query: words of a search, which are highlighted;
   *   heading: whether the document's id stands above it (true).
   * @returns {select(kind, index), clear()}: the entity or relation at an index of the document's own lists.
   */
  RanatView.renderDocument = (element, document, options = {}) => {
    const { entities, relations } = RanatView.visible(document, options);
    const anchored = new Set(relations.flatMap(({ head, tail }) => [head.id, tail.id]));
    const text = RanatView.marked(document, entities, anchored, (entity) => described(document, entity));
    const svg = globalThis.document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "arcs");
    svg.setAttribute("aria-hidden", "true"); // the list of triples says the same
    const tip = make("div", { class: "tip", hidden: "" });
    const note = make("p", { class: "note", hidden: "" });
    const frame = make("div", { class: "frame" }, text, svg, tip);
    const triples = make("ol", { class: "triples", "aria-label": "Relations" });
    triples.append(...relations.map((one) => make("li", {}, tripleButton(document, one))));
    const heading = make("h2", {}, make("bdi", {}, RanatView.shown(document.id)));
    const body = make("div", { class: "body" }, make("div", { class: "reading" }, frame, note));
    if (relations.length) body.append(triples);
    const article = make("article", { class: "ranat" });
    if (options.heading !== false) article.append(heading);
    article.append(body);
    element.replaceChildren(article);

    const marks = [...text.querySelectorAll("mark")];
    const arcs = () => svg.querySelectorAll(".arc");
    const buttons = [...triples.querySelectorAll("button")];
    let selected = { kind: null };

    const draw = () => {
      const drawn = relations.map(({ index, relation, head, tail }) => ({
        index,
        type: relation.type,
        head: head.id,
        tail: tail.id,
      }));
      const left = RanatView.drawArcs(frame, drawn);
      note.hidden = !left;
      note.textContent = `Relations without an arc: ${left}; the list has them all.`;
      paint();
    };

    /* Show what is selected, or what the pointer is at. */
    const paint = (shown = selected) => {
      const chosen = relations.filter(({ index, head, tail }) =>
        shown.kind === "relation"
          ? index === shown.index
          : shown.kind === "entity" && [head.id, tail.id].includes(shown.id),
      );
      const ids = new Set(chosen.flatMap(({ head, tail }) => [head.id, tail.id]));
      if (shown.kind === "entity") ids.add(shown.id);
      const indices = new Set(chosen.map(({ index }) => String(index)));
      article.classList.toggle("choosing", shown.kind !== null);
      for (const mark of marks) mark.classList.toggle("chosen", ids.has(mark.dataset.entity));
      for (const arc of arcs()) arc.classList.toggle("chosen", indices.has(arc.dataset.relation));
      for (const button of buttons) {
        button.classList.toggle("chosen", indices.has(button.dataset.relation));
        button.setAttribute(
          "aria-pressed",
          String(selected.kind === "relation" && String(selected.index) === button.dataset.relation),
        );
      }
    };

    const choose = (kind, index) => {
      const item = kind && (kind === "entity" ? document.entities : document.relations)[index];
      selected = item ? { kind, index, id: item.id } : { kind: null };
      paint();
      if (item) reveal();
      else tip.hidden = true;
      const detail = { document, kind: null, entity: null, relation: null, index: null };
      if (item) Object.assign(detail, { kind, index, [kind]: item });
      element.dispatchEvent(new CustomEvent("ranat:select", { bubbles: true, detail }));
    };

    /* Bring what is chosen on the screen: the words for a relation, the row for a word. */
    const reveal = () => {
      const mark = marks.find((one) => one.classList.contains("chosen"));
      const button = buttons.find((one) => one.classList.contains("chosen"));
      mark?.scrollIntoView({ block: "nearest" });
      if (button && triples.scrollHeight > triples.clientHeight) {
        triples.scrollTop = button.offsetTop - triples.offsetTop - triples.clientHeight / 3;
      }
      if (mark) point(mark, selected);
    };

    const entityAt = (mark) => document.entities.findIndex((entity) => entity.id === mark.dataset.entity);

    /* The small note beside a mention or an arc: what it is, and its score. */
    const point = (target, { kind, index }) => {
      const item = kind === "entity" ? document.entities[index] : document.relations[index];
      const lines = facts(item).map((fact) => make("span", {}, RanatView.shown(fact)));
      tip.replaceChildren(make("b", {}, RanatView.shown(item.type)), ...lines);
      tip.hidden = false;
      const around = frame.getBoundingClientRect();
      const at = target.getClientRects()[0] ?? target.getBoundingClientRect();
      tip.style.setProperty(
        "left",
        `${Math.max(0, Math.min(at.left - around.left, around.width - tip.offsetWidth))}px`,
      );
      tip.style.setProperty("top", `${at.bottom - around.top + 8}px`);
    };

    const found = (target) => {
      const [mark, arc] = [target.closest("mark"), target.closest(".arc, .triples button")];
      if (mark) return { target: mark, kind: "entity", index: entityAt(mark), id: mark.dataset.entity };
      return arc ? { target: arc, kind: "relation", index: Number(arc.dataset.relation) } : null;
    };
    const hover = (event) => {
      const at = found(event.target);
      if (!at) return;
      paint(at);
      if (!at.target.matches("button")) point(at.target.querySelector?.("text") ?? at.target, at);
    };
    const leave = () => {
      tip.hidden = true;
      paint();
    };
    article.addEventListener("pointerover", (event) => event.pointerType === "mouse" && hover(event));
    article.addEventListener("pointerout", (event) => event.pointerType === "mouse" && leave());
    article.addEventListener("focusin", (event) => event.target.matches("mark") && hover(event));
    article.addEventListener("focusout", leave);
    article.addEventListener("click", (event) => {
      if (!globalThis.getSelection().isCollapsed) return; // the reader selects words
      const at = found(event.target);
      if (!at) return selected.kind && choose(null);
      if (at.kind === "relation") {
        const again = selected.kind === "relation" && selected.index === at.index;
        return again ? choose(null) : choose("relation", at.index);
      }
      // A second click at one place goes on to the mention around it.
      const around = [];
      for (let mark = at.target; mark; mark = mark.parentElement.closest("mark")) around.push(entityAt(mark));
      const next = selected.kind === "entity" ? around[around.indexOf(selected.index) + 1] : around[0];
      return next === undefined ? choose(null) : choose("entity", next);
    });
    article.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && selected.kind) choose(null);
      if (event.target.matches("mark") && (event.key === "Enter" || event.key === " ")) {
        event.preventDefault();
        choose("entity", entityAt(event.target));
      }
    });

    let width = null;
    new ResizeObserver(() => {
      if (frame.clientWidth && frame.clientWidth !== width) draw(); // an element that is gone has no width
      width = frame.clientWidth;
    }).observe(frame);
    highlight(text, options.query);
    return { select: choose, clear: () => choose(null) };
  };

  /* Highlight the words of a search, where the browser can do so without changing the document. */
  function highlight(text, query) {
    if (!globalThis.CSS?.highlights) return;
    CSS.highlights.delete("ranat-search");
    const wanted = query?.trim().toLowerCase();
    if (!wanted) return;
    const nodes = [];
    const walker = globalThis.document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
    for (let length = 0, node; (node = walker.nextNode()); length += node.length) nodes.push({ node, start: length });
    const whole = text.textContent.toLowerCase();
    const place = (offset) => {
      const { node, start } = nodes.findLast((one) => one.start <= offset);
      return [node, Math.min(offset - start, node.length)];
    };
    const ranges = [];
    for (
      let at = whole.indexOf(wanted);
      at >= 0 && ranges.length < 1000;
      at = whole.indexOf(wanted, at + wanted.length)
    ) {
      const range = globalThis.document.createRange();
      range.setStart(...place(at));
      range.setEnd(...place(at + wanted.length));
      ranges.push(range);
    }
    CSS.highlights.set("ranat-search", new Highlight(...ranges));
    ranges[0]?.startContainer.parentElement.scrollIntoView({ block: "nearest" });
  }
})();
