// Puts the compressed forms of the built files beside them, once, so that no request compresses anything. Fonts are
// compressed already. Says what a first visit loads, and fails where that is over the budget.
//
//   compress.mjs           writes them
//   compress.mjs --check   fails unless each is there and unpacks to its file

import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { brotliCompressSync, brotliDecompressSync, constants, gunzipSync, gzipSync } from "node:zlib";

/** Of the page with all that it loads before anybody does anything, brotli, in bytes; fonts apart. */
const BUDGET = 150_000;
const isCheck = process.argv.includes("--check");
const dist = path.join(import.meta.dirname, "../dist");

const entries = await readdir(dist, { recursive: true, withFileTypes: true });
const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
const isPlain = (file) => !/\.(br|gz)$/.test(file);
let first = 0;

for (const file of files.filter(isPlain).sort()) {
  const plain = await readFile(file);
  if (file.endsWith(".woff2")) continue;
  const brotli = brotliCompressSync(plain, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
    },
  });
  if (!file.endsWith(".txt")) first += brotli.length;
  if (isCheck) {
    // Compressors of other versions of Node may give other bytes: what counts is what comes out again.
    const [br, gz] = await Promise.all([readFile(`${file}.br`), readFile(`${file}.gz`)]);
    if (!brotliDecompressSync(br).equals(plain) || !gunzipSync(gz).equals(plain)) {
      console.error(`${path.relative(dist, file)}: its compressed forms hold something else: make web-build`);
      process.exit(1);
    }
  } else {
    await writeFile(`${file}.br`, brotli);
    await writeFile(`${file}.gz`, gzipSync(plain, { level: 9 }));
  }
}
console.log(`first load: ${first} bytes of ${BUDGET}, fonts apart`);
if (first > BUDGET) process.exit(1);
