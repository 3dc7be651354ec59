// Compiles the library and its tests, and runs those of the named folders of test/: `node scripts/test.mjs unit`.
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL("..", import.meta.url));

function run(command, ...args) {
  const { status, error } = spawnSync(command, args, { cwd: here, stdio: "inherit" });
  if (error) {
    throw error;
  }
  if (status !== 0) {
    process.exit(status ?? 1);
  }
}

// Tests that were renamed must not run on.
rmSync(new URL("../build", import.meta.url), { recursive: true, force: true });
run("node_modules/.bin/tsc", "-p", "tsconfig.json");
const files = process.argv
  .slice(2)
  .flatMap((folder) =>
    readdirSync(new URL(`../build/test/${folder}`, import.meta.url)).map((name) => `build/test/${folder}/${name}`),
  )
  .filter((file) => file.endsWith(".test.js"));
run(
  process.execPath,
  "--enable-source-maps",
  "--test",
  "--test-reporter=spec",
  "--test-timeout=180000",
  // They wait for servers more than they work.
  "--test-concurrency=3",
  ...files,
);
