/* Editor: a document with the tools to correct it. Every edit is saved at once; edits.js has what they do.
 *
 *   const editor = makeEditor(host);  editor.render(element, document, options)  as RanatView.renderDocument
 *
 * host: {entryOf(document), types(), relations(), save(entry, checked), undo(entry), remove(entry), done(entry), show(entry)}
 * An entry is what the store has of a document, {number, revision, checked, document}.
 */
"use strict";
globalThis.makeEditor = (host) => {
  const { make } = RanatView;
  const MOST_CHOICES = 12; // types with a button of their own
  const LONGEST = 60; // characters of a mention that are shown in the tools

  const panel = make("section", { class: "editor", "aria-label": "Correct" });
  const board = make("div", { class: "board" });
  let entry = null;
  let view = null;
  let chosen = null; // {kind: "entity", id} or {kind: "relation", index}
  let span = null; // what is selected in the text
  let relating = null; // {head, type}: the tail is to be chosen
  let marking = ""; // words that are to be marked, as typed

  const entity = (id) => entry.document.entities.find((one) => one.id === id);
  const cut = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
  const quoted = (text) => make("q", {}, make("bdi", {}, RanatView.shown(cut(text))));
  const mention = (id) => (entity(id) ? RanatView.mention(entry.document, entity(id)) : id);
  const between = ([start, end]) => [...entry.document.text].slice(start, end).join("");

  /** Show a document in an element; it is called again whenever the document or a filter changes. */
  function render(element, document, options) {
    const other = host.entryOf(document);
    if (entry?.number !== other.number) [chosen, span, relating, marking] = [null, null, null, ""];
    entry = other;
    const focused = globalThis.document.activeElement?.dataset?.do;
    const fine = globalThis.document.activeElement?.closest?.(".board mark") ? "mark" : null;
    if (!element.contains(panel)) element.replaceChildren(panel, board);
    view = RanatView.renderDocument(board, document, options);
    for (const one of document.entities) {
      if (!["added", "corrected"].includes(one.status)) continue;
      for (const mark of board.querySelectorAll(`mark[data-entity="${CSS.escape(one.id)}"]`)) mark.dataset.remark = one.status;
    }
    again();
    if (focused) panel.querySelector(`[data-do="${CSS.escape(focused)}"]`)?.focus();
    else if (fine && chosen?.kind === "entity") board.querySelector(`mark[tabindex][data-entity="${CSS.escape(chosen.id)}"]`)?.focus();
  }

  /* Select again what was selected before the document was drawn anew. */
  function again() {
    const before = chosen;
    chosen = null;
    if (before?.kind === "entity") {
      const index = entry.document.entities.findIndex(({ id }) => id === before.id);
      if (index >= 0) view.select("entity", index);
    } else if (before?.kind === "relation" && before.index < entry.document.relations.length) view.select("relation", before.index);
    board.querySelector(".tip").hidden = true; // what it says stands in the tools
    draw();
  }

  function edit(changed) {
    if (!changed) return;
    host.save({ entry, document: changed, checked: false });
  }

  const button = (key, text, action, attributes = {}) => {
    const made = make("button", { type: "button", "data-do": key, ...attributes }, text);
    made.addEventListener("click", action);
    return made;
  };

  /* A button for each type, and a field for another one. */
  function choices(key, types, current, pick) {
    const known = [...new Set(current ? [current, ...types] : types)].slice(0, MOST_CHOICES).sort();
    const buttons = known.map((type) => {
      const colour = key === "relation" ? "plain" : RanatView.colour(type);
      return button(`${key} ${type}`, make("bdi", {}, RanatView.shown(type)), () => pick(type), {
        class: `choice ${colour}`,
        "aria-pressed": current === null ? null : String(type === current),
      });
    });
    const other = make("input", { "data-do": `${key} other`, "aria-label": "another type", placeholder: "other", size: "6", maxlength: "100" });
    other.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && other.value.trim()) pick(other.value.trim());
    });
    return [...buttons, other];
  }

  function draw() {
    panel.replaceChildren(make("div", { class: "tools-row" }, ...tools()), make("div", { class: "tools-row lasting" }, ...lasting()));
  }

  function tools() {
    if (relating) return toolsToRelate();
    if (span) return toolsForSpan();
    if (chosen?.kind === "entity" && entity(chosen.id)) return toolsForEntity(entity(chosen.id));
    if (chosen?.kind === "relation") return toolsForRelation(entry.document.relations[chosen.index], chosen.index);
    return toolsForNothing();
  }

  function toolsForNothing() {
    const words = make("input", { "data-do": "words", id: "words", placeholder: "words of the text", size: "16", value: marking });
    words.addEventListener("input", () => {
      marking = words.value;
    });
    words.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      const found = find(words.value);
      words.setCustomValidity(found ? "" : "The text does not have these words unmarked.");
      words.reportValidity();
      if (!found) return;
      [span, marking] = [found, ""];
      draw();
      panel.querySelector("[data-do^='mark ']")?.focus();
    });
    const hint = make("span", { class: "hint" }, "Select words to mark them; click a mention or a relation to change it.");
    return [hint, make("label", { for: "words" }, "Mark"), words];
  }

  /* Where words first stand that are no mention yet. */
  function find(words) {
    const wanted = [...words.trim()];
    const text = [...entry.document.text];
    if (!wanted.length) return null;
    for (let at = 0; at + wanted.length <= text.length; at++) {
      if (!wanted.every((character, index) => character === text[at + index])) continue;
      const end = at + wanted.length;
      if (!entry.document.entities.some(({ spans }) => spans.length === 1 && spans[0][0] === at && spans[0][1] === end)) return [at, end];
    }
    return null;
  }

  function toolsForSpan() {
    const at = span;
    const mark = (type) => {
      span = null;
      const changed = Edits.addEntity(entry.document, type, at);
      chosen = { kind: "entity", id: changed.entities.find((one) => !entity(one.id)).id };
      edit(changed);
    };
    const row = [make("span", {}, "Mark ", quoted(between(at)), " as"), ...choices("mark", host.types(), null, mark)];
    if (chosen?.kind === "entity" && entity(chosen.id)) {
      const move = () => {
        span = null;
        edit(Edits.moveTo(entry.document, chosen.id, at));
      };
      row.push(button("move", ["or move ", cut(mention(chosen.id)), " here"].join(""), move));
    }
    return row;
  }

  function toolsForEntity(one) {
    const step = (edge, by, label, title) =>
      button(`${edge} ${by}`, label, (event) => edit(Edits.moveEdge(entry.document, one.id, edge, by, event.shiftKey)), {
        "aria-label": title,
        title: `${title}, with Shift by one character`,
      });
    const begin = () => {
      relating = { head: one.id, type: null };
      draw();
    };
    return [
      quoted(mention(one.id)),
      ...choices("type", host.types(), one.type, (type) => type !== one.type && edit(Edits.retype(entry.document, one.id, type))),
      make("span", { class: "steps" }, "start ", step("start", -1, "←", "Start one word earlier"), step("start", 1, "→", "Start one word later")),
      make("span", { class: "steps" }, "end ", step("end", -1, "←", "End one word earlier"), step("end", 1, "→", "End one word later")),
      button("relate", "Relate to…", begin),
      button("remove", "Remove", removeChosen, { title: "Delete" }),
    ];
  }

  function toolsToRelate() {
    const stop = button("stop", "Cancel", () => {
      relating = null;
      draw();
    });
    const pick = (type) => {
      relating.type = type;
      draw();
    };
    if (!relating.type) return [make("span", {}, quoted(mention(relating.head)), " is related as"), ...choices("relation", host.relations(), null, pick), stop];
    const to = make("select", { "data-do": "tail", "aria-label": "the other mention" }, make("option", { value: "" }, "choose it here, or click it"));
    for (const one of entry.document.entities) {
      if (one.id !== relating.head) to.append(make("option", { value: one.id }, RanatView.shown(`${cut(mention(one.id))} (${one.type})`)));
    }
    to.addEventListener("change", () => to.value && relate(to.value));
    return [make("span", {}, quoted(mention(relating.head)), ` ${RanatView.shown(relating.type)} →`), to, stop];
  }

  function relate(tail) {
    const { head, type } = relating;
    relating = null;
    if (tail === head) return draw();
    const changed = Edits.relate(entry.document, type, head, tail);
    if (!changed) return draw();
    chosen = { kind: "relation", index: changed.relations.length - 1 };
    edit(changed);
  }

  function toolsForRelation(one, index) {
    const change = (what) => edit(Edits.changeRelation(entry.document, index, what));
    return [
      make("span", {}, quoted(mention(one.head)), " → ", quoted(mention(one.tail))),
      ...choices("relation", host.relations(), one.type, (type) => type !== one.type && change({ type })),
      button("turn", "Turn around", () => change({ head: one.tail, tail: one.head })),
      button("remove", "Remove", removeChosen, { title: "Delete" }),
    ];
  }

  function removeChosen() {
    const { kind, id, index } = chosen;
    chosen = null;
    edit(kind === "entity" ? Edits.removeEntity(entry.document, id) : Edits.removeRelation(entry.document, index));
  }

  function lasting() {
    const said = entry.unsaved ? `not saved: ${entry.unsaved}` : entry.checked ? "checked" : entry.corrected ? "saved, not checked yet" : "as the model found it";
    const row = [
      button("undo", "Undo", () => host.undo(entry), { disabled: entry.oldest > 1 || entry.undo.length ? null : "", title: "Ctrl+Z" }),
      button("done", entry.checked ? "Checked – next" : "All is right – next", () => host.done(entry), { class: "primary", title: "Ctrl+Enter" }),
      make("span", { class: entry.unsaved ? "said wrong" : "said", role: "status" }, said),
      button("drop", "Take off the list", () => host.remove(entry)),
    ];
    if (entry.unsaved) row.splice(3, 0, button("retry", "Save again", () => host.save({ entry, document: entry.document, checked: entry.checked, again: true })));
    return row;
  }

  board.addEventListener("ranat:select", ({ detail }) => {
    if (relating?.type && detail.kind === "entity") return relate(detail.entity.id);
    chosen = detail.kind === "entity" ? { kind: "entity", id: detail.entity.id } : detail.kind === "relation" ? { kind: "relation", index: detail.index } : null;
    span = null;
    return draw();
  });

  document.addEventListener("selectionchange", () => {
    if (!entry || !board.isConnected) return;
    const selection = getSelection();
    if (!board.contains(selection.anchorNode)) return; // the tools are in use
    const raw = RanatView.selectedSpan(board);
    const found = raw && Edits.trimmed(entry.document, raw);
    if (String(found) === String(span)) return;
    span = found;
    draw();
  });

  document.addEventListener("keydown", (event) => {
    if (!entry || !board.isConnected) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.target.closest("textarea")) return void host.done(entry);
    if (event.target.closest("input, select, textarea")) return;
    if (event.key === "z" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      host.undo(entry);
    }
    if ((event.key === "Delete" || event.key === "Backspace") && chosen) {
      event.preventDefault();
      removeChosen();
    }
    if (event.key === "Escape" && (relating || span)) {
      [relating, span] = [null, null];
      getSelection().removeAllRanges();
      draw();
    }
  });

  return { render };
};
