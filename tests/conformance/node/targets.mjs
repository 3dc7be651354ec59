// The deployments that the suite is held against, as the runner names them.

import assert from "node:assert/strict";
import { describe } from "node:test";

/** @returns {{name: string, http: string[], gateways: string[]}[]} */
function targets() {
  const text = process.env.CHAPAR_CONFORMANCE_TARGETS;
  assert.ok(text, "CHAPAR_CONFORMANCE_TARGETS is not set; start tests/conformance/run");
  const found = JSON.parse(text);
  assert.ok(found.length > 0, "CHAPAR_CONFORMANCE_TARGETS names no deployment");
  return found;
}

/** Defines the same tests for each deployment. `define` gets the deployment and where its clients go. */
export function eachTarget(subject, define) {
  for (const target of targets()) {
    describe(`${subject} (${target.name})`, () => define(target, target.http[0]));
  }
}

/** The deployment whose gate is narrow. */
export function narrow() {
  const text = process.env.CHAPAR_CONFORMANCE_NARROW;
  assert.ok(text, "CHAPAR_CONFORMANCE_NARROW is not set; start tests/conformance/run");
  return JSON.parse(text);
}

/** The first and the last gateway: two different ones, where there are two. */
export function twoGateways(target) {
  return [target.gateways.at(0), target.gateways.at(-1)];
}

/** An http address as one of a WebSocket. */
export function ws(address) {
  return address.replace(/^http/, "ws");
}
