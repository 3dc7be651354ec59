// Holds WebSocket frames to the AsyncAPI document: the document is parsed by the reference parser, and each
// frame must fit exactly one message of its direction.
//
//   node check_asyncapi.mjs DOCUMENT [CAPTURE ...]
//
// DOCUMENT is a file or an http(s) address. A CAPTURE is a file of JSON lines,
// {"direction": "in" | "out", "frame": {…}}: "in" to the server, "out" from it. A folder stands for golden
// files: command.*.json go in, event.*.json and frame.*.json come out. A frame "in" that was malformed on
// purpose does not belong in a capture.
//
// Exit status: 0 everything fits, 1 something does not, 2 not usable.

import { readFile, readdir, stat } from "node:fs/promises";
import path from "node:path";

import { Parser } from "@asyncapi/parser";
import Ajv from "ajv";
import addFormats from "ajv-formats";

const MAX_TOLD = 20;

class Unusable extends Error {}

async function main([source, ...captures]) {
  if (source === undefined) throw new Unusable("usage: check_asyncapi.mjs DOCUMENT [CAPTURE ...]");
  const text = await load(source);
  const problems = await parse(text);
  if (problems.length > 0) {
    problems.forEach((problem) => console.error(problem));
    return 1;
  }
  const messages = compile(JSON.parse(text));
  console.log(`${source}: valid AsyncAPI, ${messages.in.size} messages in, ${messages.out.size} out`);

  const seen = new Set();
  let total = 0;
  let bad = 0;
  for (const capture of captures) {
    for await (const { where, direction, frame } of frames(capture)) {
      total += 1;
      const verdict = match(messages, direction, frame);
      if (verdict.name !== undefined) {
        seen.add(verdict.name);
        continue;
      }
      bad += 1;
      if (bad <= MAX_TOLD) console.error(`${where}: ${verdict.reason}`);
    }
  }
  if (captures.length > 0) {
    const unseen = [...messages.in.keys(), ...messages.out.keys()].filter((name) => !seen.has(name));
    console.log(`${total} frames, ${bad} do not fit; ${seen.size} messages seen`);
    if (unseen.length > 0) console.log(`never seen: ${unseen.join(", ")}`);
    if (total === 0) throw new Unusable("the captures hold no frames");
  }
  return bad === 0 ? 0 : 1;
}

async function load(source) {
  if (!/^https?:/.test(source)) return readFile(source, "utf8");
  const answer = await fetch(source, { signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Unusable(`${source} answered ${answer.status}`);
  return answer.text();
}

/** What the reference parser finds wrong: errors and warnings that concern us. */
async function parse(text) {
  const { document, diagnostics } = await new Parser().parse(text);
  const found = diagnostics
    .filter(({ severity }) => severity === 0)
    .map(({ path: at, message }) => `${at.join(".")}: ${message}`);
  if (document === undefined && found.length === 0) found.push("the document could not be parsed");
  return found;
}

/** A validator for each message of the document, by direction and name. */
function compile(document) {
  // Formats as int64 are the document's own; "strict" would refuse them and the extensions.
  const ajv = addFormats(new Ajv({ strict: false, allErrors: true, validateFormats: true }));
  ajv.addSchema({ $id: "document", components: document.components });
  const messages = { in: new Map(), out: new Map() };
  const names = (operation) => [
    [operation.action === "receive" ? "in" : "out", operation.messages],
    [operation.action === "receive" ? "out" : "in", operation.reply?.messages ?? []],
  ];
  for (const operation of Object.values(document.operations)) {
    for (const [direction, references] of names(operation)) {
      for (const { $ref } of references) {
        const name = $ref.split("/").at(-1);
        if (messages[direction].has(name)) continue;
        const { payload } = document.components.messages[name];
        messages[direction].set(name, ajv.compile({ $ref: `document${payload.$ref}` }));
      }
    }
  }
  return messages;
}

/** The one message that a frame fits, or why there is not exactly one. */
function match(messages, direction, frame) {
  if (messages[direction] === undefined) return { reason: `unknown direction ${direction}` };
  const fitting = [];
  const near = [];
  for (const [name, validate] of messages[direction]) {
    if (validate(frame)) fitting.push(name);
    // Constants decide which message is meant: where they fit, the other errors are what is wrong.
    else if (!validate.errors.some(({ keyword }) => keyword === "const")) near.push([name, validate.errors]);
  }
  if (fitting.length === 1) return { name: fitting[0] };
  const label = `${direction} ${frame?.op ?? "?"}${frame?.type ? ` ${frame.type}` : ""}`;
  if (fitting.length > 1) return { reason: `${label} fits ${fitting.join(" and ")}` };
  const told = near.map(([name, errors]) => {
    const texts = errors.slice(0, 3).map((error) => `${error.instancePath || "/"} ${error.message}`);
    return `not ${name}: ${texts.join(", ")}`;
  });
  return { reason: `${label} fits no message; ${told.join("; ") || "no such op or type"}` };
}

async function* frames(capture) {
  if ((await stat(capture)).isDirectory()) {
    for (const name of (await readdir(capture)).sort()) {
      const direction = { command: "in", event: "out", frame: "out" }[name.split(".")[0]];
      if (direction === undefined || !name.endsWith(".json")) continue;
      const where = path.join(capture, name);
      yield { where, direction, frame: JSON.parse(await readFile(where, "utf8")) };
    }
    return;
  }
  const lines = (await readFile(capture, "utf8")).split("\n");
  for (const [index, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const where = `${capture}:${index + 1}`;
    try {
      const { direction, frame } = JSON.parse(line);
      yield { where, direction, frame };
    } catch (error) {
      throw new Unusable(`${where}: ${error.message}`);
    }
  }
}

main(process.argv.slice(2)).then(
  (status) => process.exit(status),
  (error) => {
    console.error(error instanceof Unusable ? error.message : error);
    process.exit(2);
  },
);
