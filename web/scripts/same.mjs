// Fails unless `dist/` is what the sources build to: builds them elsewhere and compares file by file. The compressed
// forms are compared by what comes out of them, since compressors differ.

import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { build } from "vite";

const web = path.join(import.meta.dirname, "..");
const dist = path.join(web, "dist");

async function files(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !/\.(br|gz)$/.test(entry.name))
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
}

const fresh = await mkdtemp(path.join(tmpdir(), "chapar-web-dist-"));
let wrong = [];
try {
  await build({ root: web, logLevel: "error", build: { outDir: fresh } });
  const [committed, built] = [await files(dist), await files(fresh)];
  const all = [...new Set([...committed, ...built])];
  const differs = await Promise.all(
    all.map(async (name) => {
      const [one, other] = await Promise.all(
        [dist, fresh].map((folder) => readFile(path.join(folder, name)).catch(() => null)),
      );
      return !one || !other || !one.equals(other);
    }),
  );
  wrong = all.filter((_, index) => differs[index]);
} finally {
  await rm(fresh, { recursive: true });
}
if (wrong.length > 0) {
  console.error(`web/dist is not what the sources build to: ${wrong.join(", ")}\nmake web-build, and commit it`);
  process.exit(1);
}
const compressed = spawnSync(process.execPath, [path.join(import.meta.dirname, "compress.mjs"), "--check"], {
  stdio: "inherit",
});
process.exit(compressed.status ?? 1);
