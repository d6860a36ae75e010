/* Kept: what the browser keeps from one visit to the next, where it allows that and has room; the page goes on without. */
"use strict";
(() => {
  const tried = (step) => {
    try {
      return step(localStorage);
    } catch {
      return null; // forbidden, even to be looked at, or full
    }
  };

  globalThis.Kept = {
    get: (key) => tried((kept) => kept.getItem(key)),
    set: (key, value) => tried((kept) => kept.setItem(key, value)),
    remove: (key) => tried((kept) => kept.removeItem(key)),
  };
})();
