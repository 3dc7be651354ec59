// Builds the tests of test/ with what they test, and runs them in Node.

import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { build } from "vite";

const web = path.join(import.meta.dirname, "..");
const input = (await readdir(path.join(web, "test"))).filter((name) => name.endsWith(".test.ts"));
const out = await mkdtemp(path.join(tmpdir(), "chapar-web-test-"));
try {
  await build({
    root: web,
    logLevel: "error",
    ssr: { noExternal: true },
    build: {
      outDir: out,
      ssr: true,
      license: false,
      copyPublicDir: false,
      rolldownOptions: {
        input: input.map((name) => path.join(web, "test", name)),
        output: { entryFileNames: "[name].mjs" },
      },
    },
  });
  const tests = input.map((name) => path.join(out, name.replace(/\.ts$/, ".mjs")));
  process.exitCode =
    spawnSync(process.execPath, ["--test", "--test-reporter=spec", ...tests], { stdio: "inherit" }).status ?? 1;
} finally {
  await rm(out, { recursive: true });
}
