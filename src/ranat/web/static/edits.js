/* Edits: what can be done to a document. Each takes a document and gives a new one; spans count code points. */
"use strict";
(() => {
  const isWord = (character) => character !== undefined && /[\p{L}\p{N}\p{M}]/u.test(character);
  const isSpace = (character) => character === undefined || /\s/u.test(character);

  /* Whether a mention may begin or end between two characters, when it is moved word by word. */
  const isBorder = (before, after) => !(isWord(before) && isWord(after));

  /** The next place where an edge may be: by words, or by one character if `fine`. */
  function stepped(characters, at, by, edge, fine) {
    let place = at + by;
    if (fine) return place;
    const good = () =>
      isBorder(characters[place - 1], characters[place]) && !isSpace(edge === "start" ? characters[place] : characters[place - 1]);
    while (place > 0 && place < characters.length && !good()) place += by;
    return place;
  }

  const inTextOrder = (entities) =>
    entities.sort((a, b) => a.spans[0][0] - b.spans[0][0] || a.spans.at(-1)[1] - b.spans.at(-1)[1]);

  const withEntity = (document, id, change) => ({
    ...document,
    entities: inTextOrder(document.entities.map((one) => (one.id === id ? { ...one, ...change(one) } : one))),
  });

  globalThis.Edits = {
    /** A span without white space at its ends; null: there is nothing else in it. */
    trimmed(document, [start, end]) {
      const characters = [...document.text];
      while (start < end && isSpace(characters[start])) start++;
      while (end > start && isSpace(characters[end - 1])) end--;
      return start < end ? [start, end] : null;
    },

    /** A new mention; its id is one that no model gives. */
    addEntity(document, type, span) {
      const numbers = document.entities.map(({ id }) => Number(/^A(\d+)$/.exec(id)?.[1] ?? 0));
      const entity = { id: `A${Math.max(0, ...numbers) + 1}`, type, spans: [span] };
      return { ...document, entities: inTextOrder([...document.entities, entity]) };
    },

    /** Without a mention and its relations; one between concepts goes with the last mention of either. */
    removeEntity(document, id) {
      const entities = document.entities.filter((one) => one.id !== id);
      const relations = document.relations.filter(({ head, tail }) => head !== id && tail !== id);
      const left = RanatView.visible({ ...document, entities, relations }).relations; // those that have both ends
      return { ...document, entities, relations: left.map(({ relation }) => relation) };
    },

    retype: (document, id, type) => withEntity(document, id, () => ({ type })),

    moveTo: (document, id, span) => withEntity(document, id, () => ({ spans: [span] })),

    /** The "start" or "end" of a mention one step on (by 1) or back (by -1); null: it cannot go there. */
    moveEdge(document, id, edge, by, fine) {
      const characters = [...document.text];
      const spans = document.entities.find((one) => one.id === id).spans.map((span) => [...span]);
      const [span, side] = edge === "start" ? [spans[0], 0] : [spans.at(-1), 1];
      span[side] = stepped(characters, span[side], by, edge, fine);
      const low = spans.length > 1 && edge === "end" ? spans.at(-2)[1] : 0;
      const high = spans.length > 1 && edge === "start" ? spans[1][0] : characters.length;
      if (span[0] >= span[1] || span[0] < low || span[1] > high) return null;
      return withEntity(document, id, () => ({ spans }));
    },

    /** A new relation; null: it is there. */
    relate(document, type, head, tail) {
      if (document.relations.some((one) => one.type === type && one.head === head && one.tail === tail)) return null;
      return { ...document, relations: [...document.relations, { type, head, tail }] };
    },

    /** A relation, by its place in the list, with another type, or turned around; null: that one is there. */
    changeRelation(document, index, change) {
      const changed = { ...document.relations[index], ...change };
      const same = (one, at) => at !== index && one.type === changed.type && one.head === changed.head && one.tail === changed.tail;
      if (document.relations.some(same)) return null;
      return { ...document, relations: document.relations.map((one, at) => (at === index ? changed : one)) };
    },

    removeRelation: (document, index) => ({ ...document, relations: document.relations.filter((_, at) => at !== index) }),
  };
})();
