// What a run prints at its end, and the file with all figures. README.md says how to read it.

const UNIT = { time: "ms", default: "", data: "bytes" };
/** Said first, in this order; the rest follows by name. */
const FIRST = ["chapar_delivered", "chapar_lost", "chapar_doubled", "chapar_disordered"];
/** Of k6 itself, and of no use here. */
const LEFT_OUT =
  /^(iteration|vus|ws_|data_|http_req_(blocked|connecting|receiving|sending|tls|waiting)|group_)/;

function figures({ type, contains, values }) {
  const round = (value) => (value === undefined ? "–" : String(Math.round(value * 100) / 100));
  if (type === "trend") {
    const unit = UNIT[contains] ?? "";
    const names = [
      ["med", "p50"],
      ["p(95)", "p95"],
      ["p(99)", "p99"],
      ["max", "max"],
    ];
    return names.map(([key, name]) => `${name} ${round(values[key])} ${unit}`.trim()).join("  ");
  }
  if (type === "rate") {
    return `${round(values.rate * 100)} % of ${values.passes + values.fails}`;
  }
  return type === "counter" ? `${round(values.count)}` : `${round(values.value)}`;
}

/** For handleSummary: the table, and all of it as JSON where SUMMARY names a file. */
export function summary(data) {
  const names = Object.keys(data.metrics).filter(
    (name) => !LEFT_OUT.test(name) || data.metrics[name].thresholds,
  );
  const place = (name) => {
    const at = FIRST.indexOf(name);
    return at < 0 ? FIRST.length : at;
  };
  names.sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
  const width = Math.max(...names.map((name) => name.length));
  let failed = 0;
  const lines = names.map((name) => {
    const metric = data.metrics[name];
    const held = Object.entries(metric.thresholds ?? {}).map(([rule, { ok }]) => {
      failed += ok ? 0 : 1;
      return `${ok ? "✓" : "✗"} ${rule}`;
    });
    const mark = held.length === 0 ? " " : held.every((rule) => rule[0] === "✓") ? "✓" : "✗";
    return `${mark} ${name.padEnd(width)}  ${figures(metric)}${held.length > 0 ? `   [${held.join(", ")}]` : ""}`;
  });
  const failing = data.root_group.checks.filter(({ fails }) => fails > 0);
  for (const { name, passes, fails } of failing) {
    lines.push(`✗ check: ${name}: failed ${fails} of ${passes + fails}`);
  }
  const took = Math.round(data.state.testRunDurationMs / 100) / 10;
  const verdict = failed === 0 ? "all thresholds were kept" : `${failed} threshold(s) were not kept`;
  const text = `\n${lines.join("\n")}\n\n${verdict}; ${took} s\n`;
  const outputs = { stdout: text };
  if (__ENV.SUMMARY) {
    outputs[__ENV.SUMMARY] = JSON.stringify(data, null, 2);
  }
  return outputs;
}
