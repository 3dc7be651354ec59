import "./browser";

import assert from "node:assert/strict";
import { test } from "node:test";

import { hrefOf, parse, type Route } from "../src/state/route";

test("an address names its place, and the other way round", () => {
  const places: Route[] = [
    { at: "home" },
    { at: "room", room: 12 },
    { at: "room", room: 12, message: 345 },
    { at: "group", slug: "کتاب-خوانی/2" },
    { at: "user", username: "a.b+c@d" },
    { at: "profile" },
    { at: "discover" },
  ];
  for (const place of places) {
    assert.deepEqual(parse(hrefOf(place)), place);
  }
});

test("what is no place is the beginning", () => {
  for (const hash of ["", "#", "#/room/", "#/room/x", "#/room/-1", "#/room/1e99", "#/group/", "#/nowhere", "#%"]) {
    assert.deepEqual(parse(hash), { at: "home" }, hash);
  }
  assert.deepEqual(parse("#/room/5/at/x"), { at: "room", room: 5 });
  assert.deepEqual(parse("#/group/%E0%A4%A"), { at: "group", slug: "%E0%A4%A" });
});
