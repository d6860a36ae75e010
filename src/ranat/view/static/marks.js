/* Marks: a document's text with its mentions, as elements.
 *
 * The text is cut wherever a mention begins or ends, and each segment stands in a <mark> of each mention that it is in.
 * What lies between the parts of a discontinuous mention stands in a <span class="gap">, whose dashed line joins them.
 * `ranat/view/highlight.py` makes the same elements, for pages that run no script.
 */
"use strict";
(() => {
  const RanatView = (globalThis.RanatView ??= {});

  /* Of eight colours (marks.css); as `ranat/view/colours.py` has it, where the seed is explained. */
  const COLOURS_SEED = 1665983;

  /* The most mentions that are marked over one character: more could not be told apart. */
  const DEEPEST = 12;

  /** The class of a type's colour: FNV-1a over the lower-cased type, its three highest bits. */
  RanatView.colour = (type) => {
    let hash = COLOURS_SEED;
    for (const byte of new TextEncoder().encode(type.toLowerCase())) hash = Math.imul(hash ^ byte, 16777619);
    return `colour${hash >>> 29}`;
  };

  /** What turns code points, which documents count, into UTF-16 units, which JavaScript counts. */
  RanatView.toUnits = (text) => {
    if (!/[\ud800-\udfff]/.test(text)) return (codePoints) => codePoints;
    const starts = [];
    let unit = 0;
    for (const character of text) {
      starts.push(unit);
      unit += character.length;
    }
    starts.push(unit);
    return (codePoints) => starts[codePoints];
  };

  /** Text as it is shown: control characters as their pictures, those that turn the direction of text as �. */
  RanatView.shown = (text) =>
    text
      .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f]/g, (control) => String.fromCharCode(0x2400 + control.charCodeAt(0)))
      .replace(/[\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]/g, "\ufffd");

  /** A mention's text; the parts of a discontinuous one are joined by a space. */
  RanatView.mention = (document, entity) => {
    const units = RanatView.toUnits(document.text);
    return entity.spans.map(([start, end]) => document.text.slice(units(start), units(end))).join(" ");
  };

  /** An element with attributes (null: left out) and children. Text is text: nothing is ever parsed as HTML. */
  RanatView.make = (tag, attributes = {}, ...children) => {
    const element = globalThis.document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== null && value !== undefined) element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  };

  /** The text of a document with some of its entities, as a <p class="text">; `anchored`: entities that arcs lead to. */
  RanatView.marked = (document, entities, anchored, describe) => {
    const paragraph = RanatView.make("p", { class: "text", dir: "auto" });
    const units = RanatView.toUnits(document.text);
    const starts = new Set(entities.flatMap((entity, number) => entity.spans.map(([start]) => `${number} ${start}`)));
    const ends = new Set(entities.flatMap((entity, number) => entity.spans.map(([, end]) => `${number} ${end}`)));
    for (const { start, end, inside } of segments(document.text.length, entities, units)) {
      const words = RanatView.shown(document.text.slice(units(start), units(end)));
      let parent = paragraph;
      inside.forEach(({ number, gap }, depth) => {
        const entity = entities[number];
        const classes = [RanatView.colour(entity.type), `over${Math.min(inside.length - depth - 1, 3)}`];
        if (starts.has(`${number} ${start}`)) classes.push("begins");
        if (ends.has(`${number} ${end}`)) classes.push(end === entity.spans.at(-1)[1] ? "ends" : "breaks");
        const element = RanatView.make(gap ? "span" : "mark", {
          class: (gap ? ["gap", ...classes] : classes).join(" "),
          "data-entity": entity.id,
          "data-type": gap ? null : RanatView.shown(entity.type),
        });
        if (start === entity.spans[0][0]) {
          // The first segment of a mention is the one that the keyboard reaches.
          element.setAttribute("tabindex", "0");
          element.setAttribute("role", "group");
          element.setAttribute("aria-roledescription", "mention");
          element.setAttribute("aria-label", describe(entity));
        }
        parent.append(element);
        parent = element;
      });
      const begun = inside.some(
        ({ number }) => entities[number].spans[0][0] === start && anchored.has(entities[number].id),
      );
      if (begun) {
        // An anchor makes room for arcs above its line; it stands after the first word, as no line can break before it.
        const first = words.match(/^\s*\S*/)[0];
        parent.append(first, RanatView.make("span", { class: "anchor" }), words.slice(first.length));
      } else {
        parent.append(words);
      }
    }
    return paragraph;
  };

  /* The text between two neighbouring borders of mentions, and the mentions (or their gaps) it is in, longest first. */
  function segments(length, entities, units) {
    const begin = new Map();
    const cease = new Map();
    const add = (map, place, key) => (map.get(place) ?? map.set(place, []).get(place)).push(key);
    entities.forEach((entity, number) => {
      const key = { number, from: entity.spans[0][0], to: entity.spans.at(-1)[1] };
      entity.spans.forEach(([start, end], part) => {
        const before = entity.spans[part - 1];
        if (before && before[1] < start) {
          const gap = { ...key, gap: true };
          add(begin, before[1], gap);
          add(cease, start, gap);
        }
        const mark = { ...key, gap: false };
        add(begin, start, mark);
        add(cease, end, mark);
      });
    });
    const borders = [...new Set([0, ...begin.keys(), ...cease.keys()])].sort((a, b) => a - b);
    if (units(borders.at(-1)) < length) borders.push(null); // the rest of the text
    const found = [];
    let inside = [];
    for (let index = 0; index + 1 < borders.length; index++) {
      const start = borders[index];
      const ceasing = new Set(cease.get(start) ?? []);
      inside = inside.filter((key) => !ceasing.has(key)).concat(begin.get(start) ?? []);
      inside.sort((a, b) => a.from - b.from || b.to - a.to || a.number - b.number);
      found.push({ start, end: borders[index + 1] ?? undefined, inside: inside.slice(0, DEEPEST) });
    }
    return found;
  }

  /** Code points from the start of a document's text to a place in the DOM, as a selection gives it; null: outside. */
  RanatView.offsetOf = (element, node, offset) => {
    const text = element.querySelector(".text");
    if (!text?.contains(node)) return null;
    const range = globalThis.document.createRange();
    range.setStart(text, 0);
    range.setEnd(node, offset);
    return [...range.toString()].length;
  };

  /** The [start, end] in code points that is selected in a document's text; null: nothing there. */
  RanatView.selectedSpan = (element) => {
    const selection = globalThis.getSelection();
    if (!selection.rangeCount || selection.isCollapsed) return null;
    const { startContainer, startOffset, endContainer, endOffset } = selection.getRangeAt(0);
    const start = RanatView.offsetOf(element, startContainer, startOffset);
    const end = RanatView.offsetOf(element, endContainer, endOffset);
    return start === null || end === null || start === end ? null : [start, end];
  };
})();
