// The operations of /openapi.json as a page, so that they can be read without a network.
"use strict";

function element(tag, text, name) {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  if (name) made.className = name;
  return made;
}

function shapeOf(schema, schemas, depth = 0) {
  if (!schema) return "";
  if (schema.$ref) return shapeOf(schemas[schema.$ref.split("/").pop()], schemas, depth);
  if (schema.anyOf) return schema.anyOf.map((one) => shapeOf(one, schemas, depth)).join(" | ");
  if (schema.type === "array") return `[${shapeOf(schema.items, schemas, depth)}, …]`;
  if (!schema.properties) return schema.const ? JSON.stringify(schema.const) : schema.type || "any";
  const space = "  ".repeat(depth + 1);
  const lines = Object.entries(schema.properties).map(([key, one]) => {
    const optional = (schema.required || []).includes(key) ? "" : "   (optional)";
    return `${space}"${key}": ${shapeOf(one, schemas, depth + 1)}${optional}`;
  });
  return `{\n${lines.join("\n")}\n${"  ".repeat(depth)}}`;
}

function sectionOf(path, method, operation, schemas) {
  const section = element("section");
  section.append(element("h2", `${method.toUpperCase()} ${path}`));
  section.append(element("p", operation.description || operation.summary));
  if (operation.parameters) {
    const list = element("ul");
    for (const one of operation.parameters) {
      const item = element("li");
      item.append(element("code", one.name), ` in the ${one.in}${one.required ? "" : ", optional"}`);
      if (one.description) item.append(`: ${one.description}`);
      list.append(item);
    }
    section.append(list);
  }
  const body = operation.requestBody?.content["application/json"]?.schema;
  if (body) section.append(element("h3", "Body"), block(shapeOf(body, schemas)));
  for (const [status, answer] of Object.entries(operation.responses)) {
    const schema = answer.content?.["application/json"]?.schema;
    if (status.startsWith("2") && schema?.$ref) section.append(element("h3", `Answer ${status}`), block(shapeOf(schema, schemas)));
    else section.append(element("p", `${status}: ${answer.description}`, "status"));
  }
  return section;
}

function block(text) {
  const made = element("pre", text);
  made.tabIndex = 0; // it may have to be scrolled, by keyboard as well
  return made;
}

async function show() {
  const place = document.getElementById("operations");
  const answer = await fetch("/openapi.json");
  if (!answer.ok) {
    place.textContent = "The description could not be loaded.";
    return;
  }
  const api = await answer.json();
  document.getElementById("about").textContent = `${api.info.description} Version ${api.info.version}.`;
  place.replaceChildren();
  for (const [path, operations] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      place.append(sectionOf(path, method, operation, api.components?.schemas || {}));
    }
  }
}

show();
