// Writes src/generated/ from the two documents that describe the wire: docs/openapi.json (REST) and docs/asyncapi.json
// (the socket). With --check it compares instead, and fails where what is committed is not what they say.
//
// One generator serves both: the schemas of an AsyncAPI 3 document are JSON Schema, as those of OpenAPI 3.1 are, so
// they are handed to openapi-typescript as the components of a document without paths.
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const docs = new URL("../../docs/", import.meta.url);
const out = new URL("../src/generated/", import.meta.url);
const options = { alphabetize: true, emptyObjectsUnknown: true };

/** The shared part of AsyncAPI and OpenAPI, as an OpenAPI document. */
function schemasOnly(asyncapi) {
  const { schemas } = asyncapi.components;
  for (const schema of Object.values(schemas)) {
    // Says only which fields a frame does not have: nothing that a type could tell.
    delete schema.not;
    // `{"maxProperties": 0}`
    if (schema.properties?.ok?.maxProperties === 0) {
      schema.properties.ok = { type: "object", additionalProperties: false };
    }
  }
  return { openapi: "3.1.0", info: asyncapi.info, paths: {}, components: { schemas } };
}

async function read(name) {
  return JSON.parse(await readFile(new URL(name, docs), "utf8"));
}

function heading(name) {
  return `// Generated from docs/${name} by \`npm run generate\`: change that, not this.\n\n`;
}

/** The codes of closes and errors, which AsyncAPI has no words for. */
function codes(asyncapi) {
  const channel = asyncapi.channels.socket;
  const rows = channel["x-close-codes"].map(({ code, name }) => `  ${name}: ${code},`).join("\n");
  const errors = channel["x-error-codes"].map(({ code }) => `  "${code}",`).join("\n");
  return (
    `/** Why the server closes a socket, by name. */\nexport const CLOSE_CODES = {\n${rows}\n} as const;\n\n` +
    `/** The stable words that errors carry. A newer server may have more. */\n` +
    `export const ERROR_CODES = [\n${errors}\n] as const;\n\n`
  );
}

/** Unions of what goes over the socket, which are messages of the channel and not schemas. */
function unions(asyncapi) {
  const frames = (prefix) =>
    Object.entries(asyncapi.components.messages)
      .filter(([name]) => name === prefix || name.startsWith(`${prefix}.`))
      .map(([, message]) => message.payload.$ref.split("/").pop());
  const union = (name, text, ...prefixes) =>
    `/** ${text} */\nexport type ${name} =\n${prefixes
      .flatMap(frames)
      .map((schema) => `  | components["schemas"]["${schema}"]`)
      .join("\n")};\n\n`;
  return (
    "\n" +
    union("CommandFrame", "What a client says.", "command") +
    union("EventFrame", "What happened.", "event") +
    union("ReplyFrame", "The one answer to a command.", "reply") +
    union("ServerFrame", "Everything that a server says.", "ready", "reply", "event", "reset", "reconnect").trimEnd() +
    "\n"
  );
}

const openapi = await read("openapi.json");
const asyncapi = await read("asyncapi.json");
const files = {
  "rest.ts": heading("openapi.json") + astToString(await openapiTS(openapi, options)),
  "socket.ts":
    heading("asyncapi.json") +
    codes(asyncapi) +
    astToString(await openapiTS(schemasOnly(asyncapi), options)) +
    unions(asyncapi),
};

let stale = false;
for (const [name, text] of Object.entries(files)) {
  const file = new URL(name, out);
  if (process.argv.includes("--check")) {
    if ((await readFile(file, "utf8").catch(() => "")) !== text) {
      console.error(`src/generated/${name} is not what the documents say: npm run generate`);
      stale = true;
    }
  } else {
    await writeFile(file, text);
  }
}
process.exitCode = stale ? 1 : 0;
