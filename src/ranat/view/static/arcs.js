/* Arcs: relations drawn above the lines of a document's text, from head to tail, with the relation's type.
 *
 * Arcs of a line stand on levels: a longer one above each shorter one that it overlaps. A line grows by what its levels
 * need. A relation whose ends stand on different lines is two stubs, each with the type and "…" where it goes on.
 */
"use strict";
(() => {
  const RanatView = (globalThis.RanatView ??= {});
  const SVG = "http://www.w3.org/2000/svg";
  const LEVEL = 17; // pixels from one level to the next, a label's height
  const FIRST = 9; // pixels from the top of a mention to the first level
  const MOST_LEVELS = 12; // arcs above are not drawn; the list below the text has all relations
  const BETWEEN = 6; // pixels between two arcs on a level
  const STUB = 22; // pixels of a stub besides its label

  /** Draw the arcs of a document; again whenever its width changes.
   *
   * @param frame the element that has the text and, over it, the <svg class="arcs">.
   * @param related a list of {index, type, head, tail}: the relation's place, and the ids of two entities.
   * @returns how many relations have no arc, as there were too many above each other.
   */
  RanatView.drawArcs = (frame, related) => {
    const svg = frame.querySelector("svg.arcs");
    const anchors = [...frame.querySelectorAll(".anchor")];
    for (const anchor of anchors) {
      anchor.style.removeProperty("line-height");
      anchor.style.removeProperty("vertical-align");
    }
    svg.replaceChildren();
    if (!related.length) return 0;
    const width = frame.clientWidth;
    const marks = marksOf(frame);
    const boxes = boxesOf(frame, marks);
    const lines = numberLines([...boxes.values()]);
    const labelWidth = ruler(svg);
    const pieces = related.flatMap((one) => cut(one, boxes.get(one.head), boxes.get(one.tail), width, labelWidth));
    placePorts(pieces);
    for (const piece of pieces) measure(piece, width);
    const levels = lines.map((_, line) => stack(pieces.filter((piece) => piece.line === line)));
    const lineHeight = parseFloat(getComputedStyle(frame.querySelector(".text")).lineHeight);
    for (const anchor of anchors) {
      const { line } = boxes.get(anchor.parentElement.closest("mark").dataset.entity);
      const extra = levels[line] ? levels[line] * LEVEL + 4 : 0;
      anchor.style.setProperty("line-height", `${lineHeight + extra}px`);
      anchor.style.setProperty("vertical-align", `${extra / 2}px`);
    }
    const tops = [];
    for (const [id, box] of boxesOf(frame, marks)) {
      const line = boxes.get(id).line;
      tops[line] = Math.min(tops[line] ?? Infinity, box.top);
    }
    const drawn = pieces.filter((piece) => piece.level < MOST_LEVELS);
    svg.append(...drawn.map((piece) => drawing(piece, tops[piece.line])));
    return new Set(pieces.filter((piece) => piece.level >= MOST_LEVELS).map((piece) => piece.index)).size;
  };

  function marksOf(frame) {
    const marks = new Map();
    for (const mark of frame.querySelectorAll("mark")) {
      const id = mark.dataset.entity;
      (marks.get(id) ?? marks.set(id, []).get(id)).push(mark);
    }
    return marks;
  }

  /* For each entity where its first line stands in the frame: {id, left, right, top}. */
  function boxesOf(frame, marks) {
    const origin = frame.getBoundingClientRect();
    const boxes = new Map();
    for (const [id, elements] of marks) {
      const rects = elements.flatMap((element) => [...element.getClientRects()]);
      const first = rects.filter((rect) => Math.abs(rect.top - rects[0].top) < 4);
      boxes.set(id, {
        id,
        left: Math.min(...first.map((rect) => rect.left)) - origin.left,
        right: Math.max(...first.map((rect) => rect.right)) - origin.left,
        top: rects[0].top - origin.top,
      });
    }
    return boxes;
  }

  /* Tell each box the number of its line, and give the tops of the lines. */
  function numberLines(boxes) {
    const tops = [];
    for (const box of boxes.sort((a, b) => a.top - b.top)) {
      if (!tops.length || box.top - tops.at(-1) > 4) tops.push(box.top);
      box.line = tops.length - 1;
    }
    return tops;
  }

  function ruler(svg) {
    const canvas = globalThis.document.createElement("canvas").getContext("2d");
    const style = getComputedStyle(svg);
    canvas.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    return (label) => canvas.measureText(label).width;
  }

  /* The arc between two boxes, or its two stubs, which turn round where the text has no room for them. */
  function cut({ index, type, head, tail }, from, to, width, widthOf) {
    const label = RanatView.shown(type);
    const ends = [
      { box: from, other: to, isTail: false },
      { box: to, other: from, isTail: true },
    ];
    if (from.line === to.line) {
      const ports = ends.map(({ box, other, isTail }) => port(box, other, isTail));
      return [{ index, line: from.line, label, labelWidth: widthOf(label), ports }];
    }
    return ends.map(({ box, other, isTail }) => {
      const reach = widthOf(`${label} …`) + STUB;
      const [roomLeft, roomRight] = [middle(box) > reach, middle(box) + reach < width];
      const goesRight = box.line < other.line ? roomRight || !roomLeft : roomRight && !roomLeft;
      const shown = goesRight ? `${label} …` : `… ${label}`;
      const ports = [{ box, isTail, goesRight, reach }];
      return {
        index,
        line: box.line,
        label: shown,
        labelWidth: widthOf(shown),
        goesOn: goesRight ? "right" : "left",
        ports,
      };
    });
  }

  const middle = (box) => (box.left + box.right) / 2;

  function port(box, other, isTail) {
    const reach = middle(other) - middle(box);
    return { box, isTail, goesRight: reach > 0 || (reach === 0 && !isTail), reach: Math.abs(reach) };
  }

  /* Where arcs meet their mentions: side by side, so that an arc around another one does not cross it. */
  function placePorts(pieces) {
    const ofBox = new Map();
    pieces.forEach((piece, order) => {
      for (const one of piece.ports) {
        one.order = order;
        (ofBox.get(one.box) ?? ofBox.set(one.box, []).get(one.box)).push(one);
      }
    });
    for (const [box, ports] of ofBox) {
      // The inner one of two arcs stands lower; of two that reach as far, `stack` puts the earlier one lower.
      const outwards = (a, b) => a.reach - b.reach || a.order - b.order;
      ports.sort((a, b) => a.goesRight - b.goesRight || (a.goesRight ? outwards(b, a) : outwards(a, b)));
      ports.forEach((one, place) => {
        one.x = box.left + ((box.right - box.left) * (place + 1)) / (ports.length + 1);
      });
    }
  }

  /* What a piece takes of its line: from left to right, its label at the centre. */
  function measure(piece, width) {
    const places = piece.ports.map((one) => one.x);
    if (piece.goesOn === "right") places.push(Math.min(width, places[0] + piece.labelWidth + STUB));
    if (piece.goesOn === "left") places.push(Math.max(0, places[0] - piece.labelWidth - STUB));
    piece.from = Math.min(...places);
    piece.to = Math.max(...places);
    const half = piece.labelWidth / 2;
    piece.centre = Math.max(half, Math.min(width - half, (piece.from + piece.to) / 2));
    piece.left = Math.min(piece.from, piece.centre - half);
    piece.right = Math.max(piece.to, piece.centre + half);
  }

  /* Give the pieces of a line their levels; how many there are. */
  function stack(pieces) {
    const placed = [];
    const width = (piece) => Math.round(piece.right - piece.left);
    for (const piece of pieces.sort((a, b) => width(a) - width(b))) {
      const below = placed.filter((one) => one.left < piece.right + BETWEEN && piece.left < one.right + BETWEEN);
      piece.level = Math.max(-1, ...below.map((one) => one.level)) + 1;
      placed.push(piece);
    }
    return Math.min(MOST_LEVELS, Math.max(0, ...placed.map((piece) => piece.level + 1)));
  }

  function drawing(piece, top) {
    const y = top - FIRST - LEVEL * piece.level;
    const [first, second] = [...piece.ports].sort((a, b) => a.x - b.x);
    const leg = (one) => top - (one.isTail ? 4 : 1);
    let path;
    if (piece.goesOn === "right")
      path = `M${first.x} ${leg(first)}V${y + 4}q0 -4 4 -4H${Math.max(piece.to, first.x + 5)}`;
    else if (piece.goesOn === "left")
      path = `M${first.x} ${leg(first)}V${y + 4}q0 -4 -4 -4H${Math.min(piece.from, first.x - 5)}`;
    else {
      const bend = Math.min(4, (second.x - first.x) / 2);
      path = `M${first.x} ${leg(first)}V${y + 4}q0 -4 ${bend} -4H${second.x - bend}q${bend} 0 ${bend} 4V${leg(second)}`;
    }
    const group = make("g", { class: "arc", "data-relation": piece.index });
    group.append(make("path", { class: "reach", d: path }), make("path", { class: "line", d: path }));
    for (const { x, isTail } of piece.ports) {
      if (isTail) group.append(make("path", { class: "head", d: `M${x} ${top - 1}l-3.5 -6h7z` }));
    }
    const behind = { x: piece.centre - piece.labelWidth / 2 - 2, y: y - 7, width: piece.labelWidth + 4, height: 14 };
    const label = make("text", { x: piece.centre, y: y + 3.5 });
    label.textContent = piece.label;
    group.append(make("rect", { class: "behind", ...behind }), label);
    return group;
  }

  function make(tag, attributes) {
    const element = globalThis.document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  }
})();
