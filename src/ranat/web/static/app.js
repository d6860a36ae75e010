/* The page: texts and files in, documents to read and correct, downloads. server.js asks, editor.js and corrections.js correct. */
"use strict";
(() => {
  const { make } = RanatView;
  const at = (id) => document.getElementById(id);
  const MOST_ROWS = 1000; // of the table of triples
  const EXAMPLE =
    "Rosuvastatin and muscle pain in patients with type 2 diabetes. Statins lower LDL cholesterol, but myopathy limits their use. " +
    "In 212 adults with type 2 diabetes, rosuvastatin lowered C-reactive protein beside metformin. Rhabdomyolysis occurred in two " +
    "patients who also took gemfibrozil. Variants of SLCO1B1 were associated with statin-induced myopathy, whereas CYP2C9 was not. " +
    "We conclude that genotyping of SLCO1B1 may prevent myopathy.";

  const entries = []; // as corrections.js has them
  let runs = [];
  let list = null; // what RanatView.mount gave
  let current = null; // the entry that is shown

  const say = (text, wrong = false) => {
    at("status").textContent = text;
    at("status").classList.toggle("wrong", wrong);
  };

  /* Run what a person asked for; what goes wrong is told. */
  const tried = (action) => async (event) => {
    event?.preventDefault();
    try {
      await action(event);
    } catch (error) {
      say(error instanceof TypeError ? `the server does not answer (${error.message})` : error.message, true);
    }
  };

  const kinds = (stage, key) => {
    const served = runs.filter((run) => run.finds === stage).flatMap((run) => run.types);
    return [...new Set([...served, ...entries.flatMap((entry) => entry.document[key].map((one) => one.type))])];
  };

  const corrections = makeCorrections({ changed: refresh, say, who: () => at("who").value.trim() });

  const editor = makeEditor({
    entryOf: (document) => entries.find((entry) => entry.document === document),
    types: () => kinds("entities", "entities"),
    relations: () => kinds("relations", "relations"),
    save: (edit) => tried(() => corrections.save(edit))(),
    undo: (entry) => tried(() => corrections.undo(entry))(),
    done: (entry) => tried(() => done(entry))(),
    remove: (entry) => tried(() => remove(entry))(),
  });

  // The list

  function adopt(stored) {
    const entry = entries.find(({ number }) => number === stored.number);
    if (entry) corrections.update(entry, stored);
    else entries.push(corrections.opened(stored));
  }

  function mount(number) {
    at("work").hidden = !entries.length;
    if (!entries.length) return;
    const documents = entries.map((entry) => entry.document);
    list = RanatView.mount(at("documents"), documents, {
      title: "Documents",
      render: editor.render,
      remark: (index) => (entries[index].checked ? "✓" : entries[index].corrected ? "✎" : ""),
    });
    const index = entries.findIndex((entry) => entry.number === number);
    if (index >= 0) list.show(index);
  }

  /* Show an entry whose document has changed, if it was not taken off the list meanwhile. */
  function refresh(entry) {
    const index = entries.indexOf(entry);
    if (index >= 0) list.replace(index, entry.document);
  }

  at("documents").addEventListener("ranat:document", ({ detail }) => {
    current = entries[detail.index];
    if (!at("table").hidden) drawTable();
  });

  // What comes next

  async function done(entry) {
    const isStored = await corrections.save({ entry, document: { ...entry.document }, checked: true, again: true });
    if (isStored) await showNext(entry.number);
  }

  async function showNext(after) {
    const number = await Server.next(after);
    const index = entries.findIndex((entry) => entry.number === number);
    say(number === null ? "All documents are checked." : "");
    if (index >= 0) list.show(index);
    else if (number !== null) await load(number); // another page has added it
  }

  async function remove(entry) {
    if (!confirm(`Take ${entry.document.id} off the list? Its corrections stay in the file of the server.`)) return;
    await Server.remove(entry.number, at("who").value.trim());
    entries.splice(entries.indexOf(entry), 1);
    mount(entries[0]?.number);
  }

  // Texts and files

  async function take(documents, find) {
    const kept = await Server.extract(documents, { find, progress: (count) => say(`${count} of ${documents.length} documents`) });
    kept.forEach(adopt);
    at("input").open = false;
    mount(kept[0].number);
    const before = kept.filter((stored) => stored.corrected).length;
    say(before ? `${before} of them are there with corrections already, which stay.` : "");
  }

  async function takeText() {
    const text = at("text").value;
    if (!text.trim()) return say("There is no text yet.", true);
    say("Reading…");
    notice([]);
    await take([{ text }], true);
    at("text").value = "";
  }

  async function takeFile(file) {
    say(`Reading ${file.name}…`);
    const { documents, notices } = await Server.read(file);
    const find = !at("keep").checked;
    const marks = documents.reduce((sum, one) => sum + one.entities.length + one.relations.length, 0);
    if (find && marks) notices.push(`${marks} marks that the file has are replaced by what is found`);
    notice(notices);
    await take(documents, find);
  }

  function notice(lines) {
    at("notices").replaceChildren(...lines.map((line) => make("li", {}, RanatView.shown(line))));
    at("notices").hidden = !lines.length;
  }

  // Downloads

  const chosenDocuments = () => (at("scope").value === "all" ? entries.map((entry) => entry.document) : [current.document]);

  async function download() {
    const { blob, name, lost } = await Server.convert(chosenDocuments(), at("format").value);
    const link = make("a", { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    tellLost(`${name} was downloaded.`, lost);
  }

  async function copy() {
    const { blob, name, lost } = await Server.convert(chosenDocuments(), at("format").value);
    let text;
    try {
      text = new TextDecoder("utf-8", { fatal: true }).decode(await blob.arrayBuffer());
    } catch {
      return say("This format is no text; download it.", true);
    }
    await copyText(text);
    return tellLost(`${name} was copied.`, lost);
  }

  async function copyText(text) {
    if (!navigator.clipboard) throw new Error("the browser lets pages copy from this machine or by HTTPS only; download it");
    await navigator.clipboard.writeText(text);
  }

  function tellLost(done, lost) {
    const what = Object.entries(lost).map(([name, count]) => `${count} ${name}`);
    say(what.length ? `${done} The format cannot hold: ${what.join(", ")}.` : done);
  }

  // The table of triples

  const COLUMNS = ["document", "head", "head type", "relation", "tail", "tail type", "score"];

  function rows(chosen) {
    return chosen.flatMap((document) =>
      RanatView.visible(document).relations.map(({ relation, head, tail }) => [
        document.id,
        RanatView.mention(document, head),
        head.type,
        relation.type,
        RanatView.mention(document, tail),
        tail.type,
        RanatView.score(relation.score),
      ]),
    );
  }

  function drawTable() {
    const all = rows(chosenDocuments());
    const cell = (tag) => (text) => make(tag, tag === "th" ? { scope: "col" } : {}, make("bdi", {}, RanatView.shown(text)));
    const body = all.slice(0, MOST_ROWS).map((row) => make("tr", {}, ...row.map(cell("td"))));
    const copying = make("button", { type: "button" }, "Copy the table");
    const clean = (text) => text.replace(/[\t\r\n]/g, " ").replace(/^(?=[=+@-])/, "'"); // no formula in a spreadsheet
    copying.addEventListener("click", tried(async () => {
      await copyText([COLUMNS, ...all].map((row) => row.map(clean).join("\t")).join("\n"));
      say(`${all.length} triples were copied.`);
    }));
    const count = all.length > MOST_ROWS ? `the first ${MOST_ROWS} of ${all.length} triples` : `${all.length} triples`;
    const table = make("table", {}, make("thead", {}, make("tr", {}, ...COLUMNS.map(cell("th")))), make("tbody", {}, ...body));
    at("table").replaceChildren(make("p", {}, `${count} `, copying), make("div", { class: "scroll", tabindex: "0" }, table));
  }

  // The start

  /* List what the server has now. What it does not have yet stays, be it of a document that somebody took off. */
  async function load(number) {
    const stored = await Server.stored();
    const before = new Map(entries.map((entry) => [entry.number, entry]));
    entries.length = 0;
    for (const one of stored) {
      const known = before.get(one.number);
      if (known) corrections.update(known, one);
      before.delete(one.number);
      entries.push(known ?? corrections.opened(one));
    }
    entries.push(...[...before.values()].filter(corrections.isPending));
    mount(number);
  }

  async function start() {
    at("who").value = Kept.get("ranat-who") ?? "";
    const formats = await Server.formats();
    at("format").append(...formats.map(({ name, suffix }) => make("option", { value: name }, suffix ? name : `${name} (zip)`)));
    at("format").value = "jsonl";
    runs = await Server.runs();
    at("models").textContent = runs.map((run) => run.name + (run.f1.test === undefined ? "" : ` (F1 ${run.f1.test})`)).join(" · ");
    await load();
    at("input").open = !entries.length;
    if (entries.length) await corrections.recover(entries);
  }

  at("who").addEventListener("change", () => Kept.set("ranat-who", at("who").value));
  at("paste").addEventListener("submit", tried(takeText));
  at("example").addEventListener("click", () => {
    at("text").value = EXAMPLE;
    at("extract").focus();
  });
  at("text").addEventListener("keydown", (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && tried(takeText)(event));
  at("file").addEventListener("change", tried(async () => {
    const [file] = at("file").files;
    at("file").value = "";
    if (file) await takeFile(file);
  }));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", tried(async (event) => {
    const [file] = event.dataTransfer.files;
    const text = event.dataTransfer.getData("text/plain");
    if (file) await takeFile(file);
    else if (text) {
      at("text").value = text;
      await takeText();
    }
  }));
  at("next").addEventListener("click", tried(() => showNext(current?.number)));
  at("download").addEventListener("click", tried(download));
  at("copy").addEventListener("click", tried(copy));
  at("scope").addEventListener("change", () => at("table").hidden || drawTable());
  at("table-open").addEventListener("click", () => {
    at("table").hidden = !at("table").hidden;
    at("table-open").setAttribute("aria-expanded", String(!at("table").hidden));
    if (!at("table").hidden) drawTable();
  });
  addEventListener("beforeunload", (event) => entries.some((entry) => entry.unsaved) && event.preventDefault());
  tried(start)();
})();
