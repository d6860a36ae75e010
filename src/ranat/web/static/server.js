/* Server: what the page asks of the server. Every answer that is no success becomes an Error with the server's words. */
"use strict";
(() => {
  const AT_ONCE = 16; // documents in a request, so that progress can be told
  const TRIES = 20; // of a request that the server is too busy for

  async function ask(path, options = {}) {
    for (let tried = 1; ; tried++) {
      const answer = await fetch(path, options);
      if (answer.status === 401) location.assign("/login");
      if (answer.ok) return answer;
      if (answer.status === 503 && tried < TRIES) {
        const seconds = Number(answer.headers.get("Retry-After")) || 1;
        await new Promise((done) => setTimeout(done, 1000 * seconds));
        continue;
      }
      const told = await answer.json().catch(() => ({}));
      throw Object.assign(new Error(told.detail ?? `the server answered ${answer.status}`), { status: answer.status });
    }
  }

  const json = async (path, options) => (await ask(path, options)).json();
  const sent = (method, body) => ({ method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

  /* A document without what only this page and the store know of it. */
  function plain(document) {
    const without = ({ status, text, ...item }) => item;
    const { id, text, entities = [], relations = [], sentences = [], tokens = [] } = document;
    return { id, text, entities: entities.map(without), relations: relations.map(without), sentences, tokens };
  }

  globalThis.Server = {
    plain,
    runs: async () => (await json("/runs")).runs,
    formats: async () => (await json("/formats")).written,
    stored: async () => (await json("/documents")).documents,
    history: async (number) => (await json(`/documents/${number}/history`)).revisions,
    next: async (after) => (await json(`/next${after ? `?after=${after}` : ""}`)).number,
    save: (number, body) => json(`/documents/${number}`, sent("PUT", { ...body, document: plain(body.document) })),
    get: (number) => json(`/documents/${number}`),
    remove: (number, who) => ask(`/documents/${number}?who=${encodeURIComponent(who)}`, { method: "DELETE" }),

    /** The documents of a file, and what was odd: {documents, notices}. */
    read: (file) => json(`/files?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file }),

    /** Find what is in documents and keep them; `progress` is told how many are done. Gives what is in the store. */
    async extract(documents, { find, progress }) {
      const kept = [];
      for (let at = 0; at < documents.length; at += AT_ONCE) {
        let some = documents.slice(at, at + AT_ONCE);
        if (find) some = (await json("/extract", sent("POST", { documents: some.map(plain) }))).documents;
        kept.push(...(await json("/documents", sent("POST", { documents: some.map(plain) }))).documents);
        progress(Math.min(at + AT_ONCE, documents.length));
      }
      return kept;
    },

    /** Documents as a file: {blob, name, lost}, of which the last tells what the format cannot hold. */
    async convert(documents, format) {
      const answer = await ask(`/convert?to=${encodeURIComponent(format)}`, sent("POST", { documents: documents.map(plain) }));
      const name = decodeURIComponent(answer.headers.get("Content-Disposition").split("''")[1]);
      return { blob: await answer.blob(), name, lost: JSON.parse(answer.headers.get("Ranat-Lost")) };
    },
  };
})();
