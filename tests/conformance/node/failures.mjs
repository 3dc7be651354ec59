// What `node --test` reports: each test that failed, with the suites it stands in, and one line at the end.

/** @type {import("node:test/reporters")} */
export default async function* failures(events) {
  const names = [];
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for await (const { type, data } of events) {
    if (type === "test:start") {
      names.length = data.nesting;
      names[data.nesting] = data.name;
    }
    if (type === "test:stderr" || type === "test:stdout") yield data.message;
    if (type === "test:pass" && data.details.type !== "suite") counts[data.skip ? "skipped" : "passed"] += 1;
    // A suite fails with what is within it, which was told already; by itself only where its hooks fail.
    if (type === "test:fail" && data.details.error.failureType !== "subtestsFailed") {
      counts.failed += 1;
      const { error, duration_ms } = data.details;
      const title = [...names.slice(0, data.nesting), data.name].join(" › ");
      const place = data.file ? ` (${data.file}:${data.line})` : "";
      yield `\nFAILED ${title}${place}, ${Math.round(duration_ms)} ms\n${told(error)}\n`;
    }
  }
  const parts = Object.entries(counts).flatMap(([what, count]) => (count > 0 ? [`${count} ${what}`] : []));
  yield `${parts.join(", ") || "no tests"}\n`;
}

/** The error that a test ended with, which the runner wraps in its own. */
function told(error) {
  const cause = error.cause ?? error;
  const lines = String(cause?.stack ?? cause).split("\n");
  return lines
    .filter((line) => !line.includes("node:internal/"))
    .map((line) => `  ${line}`)
    .join("\n");
}
