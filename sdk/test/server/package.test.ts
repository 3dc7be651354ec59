/** The package as people get it: packed, installed into an empty folder, and run as its README says. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { RealServer } from "./real.js";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

function example(readme: string): string {
  const found = /```js\n(.*?)```/s.exec(readFileSync(join(ROOT, readme), "utf8"))?.[1];
  assert.ok(found, `${readme} begins with an example`);
  return found;
}

/** Code without its comments, which are in the language of the document. */
function code(text: string): string {
  return text.replaceAll(/ *\/\/ .*$/gm, "").trim();
}

test("the packed package runs the README's example, and brings its types", async (t) => {
  const server = await RealServer.single(t);
  const folder = mkdtempSync(join(tmpdir(), "chapar-sdk-package-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const npm = (...args: string[]) => execFileSync("npm", args, { cwd: folder, encoding: "utf8", stdio: "pipe" });

  npm("pack", ROOT, "--pack-destination", folder, "--silent");
  const [tarball] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  assert.ok(tarball);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
  // `ws` and the compiler from where they are installed already: nothing is fetched.
  const from = (name: string) => `file:${join(ROOT, "node_modules", name)}`;
  npm("install", "--no-audit", "--no-fund", "--silent", "--offline", `./${tarball}`, from("ws"));
  const { dependencies } = JSON.parse(readFileSync(join(folder, "node_modules/@chapar/sdk/package.json"), "utf8"));
  assert.equal(dependencies, undefined);

  const text = example("README.md");
  assert.ok(text.trimEnd().split("\n").length <= 13, "a dozen lines and an empty one");
  assert.equal(code(example("README.fa.md")), code(text), "both languages show the same");
  writeFileSync(join(folder, "example.js"), text.replace("http://127.0.0.1:8000", server.url));
  const said = execFileSync(process.execPath, ["example.js"], { cwd: folder, encoding: "utf8" });
  assert.equal(said, "sara: سلام\n");

  writeFileSync(
    join(folder, "typed.ts"),
    'import { Client, type Message } from "@chapar/sdk";\n' +
      'const client = new Client({ url: "http://localhost" });\n' +
      'client.on("message.created", ({ data }) => { const message: Message = data; void message.content.length; });\n' +
      "// @ts-expect-error: there is no such event\n" +
      'client.on("message.invented", () => {});\n',
  );
  const compiler = join(ROOT, "node_modules/.bin/tsc");
  const options = ["--noEmit", "--strict", "--module", "NodeNext", "--target", "ES2022", "--lib", "ES2022,DOM"];
  execFileSync(compiler, [...options, "typed.ts"], { cwd: folder, encoding: "utf8", stdio: "pipe" });
});
