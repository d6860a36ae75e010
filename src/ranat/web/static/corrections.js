/* Corrections: an edit is shown at once, kept by the browser until the server has saved it, and can be undone.
 *
 *   const corrections = makeCorrections({changed(entry), say(text, wrong), who()});
 *
 * An entry is what the store has of a document, {number, since, revision, checked, corrected, document}, and
 *   undo: the documents before this one, and oldest: the revision whose forerunners are not among them yet;
 *   unsaved: why it is not saved, and saving: a promise while something of it is being sent;
 *   unanswered: {document, checked} of the last saves that got no answer, which the server may have all the same;
 *   replaced: how often it was replaced by what somebody else had saved.
 */
"use strict";
globalThis.makeCorrections = ({ changed, say, who }) => {
  // By the time at which the document came, too: another store that is served at this address has the same numbers.
  const key = ({ number, since }) => `ranat-unsaved-${number}-${since}`;

  const opened = (stored) => ({
    ...stored,
    undo: [],
    oldest: stored.revision,
    unsaved: null,
    saving: null,
    unanswered: [],
    replaced: 0,
  });

  /* Whether there is something of it that the server does not have. */
  const isPending = (entry) => Boolean(entry.unsaved || entry.saving);

  /* What a person can change, to be compared. */
  const marksOf = ({ entities, relations }) =>
    JSON.stringify([entities.map(({ id, type, spans }) => [id, type, spans]), relations.map(({ type, head, tail }) => [type, head, tail])]);
  const isSame = (one, other) => one.checked === other.checked && marksOf(one.document) === marksOf(other.document);

  /** Make an entry what the store has, unless that is older than what is here. */
  function update(entry, stored) {
    if (isPending(entry) || stored.revision < entry.revision) return;
    if (stored.revision > entry.revision) Object.assign(entry, { undo: [], oldest: stored.revision });
    Object.assign(entry, stored);
  }

  /** Show an edit, and send it after those before it. Gives whether it is stored. */
  async function save({ entry, document, checked, isUndo = false, again = false }) {
    if (!isUndo && !again) entry.undo.push(entry.document);
    Object.assign(entry, { document, checked, corrected: true });
    remember(entry);
    changed(entry);
    const { replaced } = entry; // an edit of what was replaced before its turn came must overwrite nothing
    const before = (entry.saving ?? Promise.resolve()).catch(() => {});
    const sending = before.then(() => entry.replaced === replaced && send(entry, document, checked));
    entry.saving = sending;
    try {
      return await sending;
    } finally {
      if (entry.saving === sending) entry.saving = null;
    }
  }

  async function send(entry, document, checked) {
    try {
      const stored = await put(entry, document, checked);
      Object.assign(entry, { unsaved: null, unanswered: [], revision: stored.revision });
      if (entry.document === document) {
        Object.assign(entry, stored);
        forget(entry);
      } else remember(entry); // it was edited on meanwhile
      return true;
    } catch (error) {
      entry.unsaved = error.message;
      if (error.status === 409) await takeTheirs(entry);
      return false;
    } finally {
      changed(entry);
    }
  }

  /* What the store then has. A revision that is not known here is our own where a save before this one got no answer. */
  async function put(entry, document, checked) {
    try {
      return await Server.save(entry.number, { revision: entry.revision, document, checked, who: who() });
    } catch (error) {
      if (!(error.status < 500)) entry.unanswered.push({ document, checked });
      if (error.status !== 409 || !entry.unanswered.length) throw error;
      const stored = await Server.get(entry.number);
      if (!entry.unanswered.some((one) => isSame(one, stored))) throw error;
      Object.assign(entry, { unanswered: [], revision: stored.revision });
      return isSame(stored, { document, checked }) ? stored : put(entry, document, checked);
    }
  }

  async function takeTheirs(entry) {
    const theirs = await Server.get(entry.number).catch(() => null);
    if (!theirs) return; // it stays unsaved, and the next try comes here again
    forget(entry);
    Object.assign(entry, opened(theirs), { saving: entry.saving, replaced: entry.replaced + 1 });
    say("Somebody else has changed this document meanwhile: it is shown as they saved it, without what you have changed since.", true);
  }

  function remember(entry) {
    const { revision, document, checked } = entry;
    Kept.set(key(entry), JSON.stringify({ revision, document, checked }));
  }

  const forget = (entry) => Kept.remove(key(entry));

  /** Save what an earlier page could not, unless somebody else has saved since. */
  async function recover(entries) {
    for (const entry of entries) {
      const kept = JSON.parse(Kept.get(key(entry)));
      if (!kept) continue;
      forget(entry);
      if (kept.revision === entry.revision) await save({ entry, document: kept.document, checked: kept.checked });
      else if (marksOf(kept.document) !== marksOf(entry.document)) {
        say(`A correction of ${entry.document.id} that was not saved is dropped: somebody has saved another one since.`, true);
      }
    }
  }

  /** One step back, at last to what the model found; what was saved before this page was opened is asked for once. */
  async function undo(entry) {
    if (!entry.undo.length && entry.oldest > 1) {
      const revisions = await Server.history(entry.number);
      entry.undo.unshift(...revisions.filter(({ revision }) => revision < entry.oldest).map((one) => one.document));
      entry.oldest = 1; // a second step that waited for them, too, finds no more to put in
    }
    const document = entry.undo.pop();
    if (document) await save({ entry, document, checked: false, isUndo: true });
  }

  return { opened, isPending, update, save, recover, undo };
};
