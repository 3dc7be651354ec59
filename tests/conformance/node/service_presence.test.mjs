// *service*: who is online.

import assert from "node:assert/strict";
import { it } from "node:test";

import { Person, serviceRoom } from "./person.mjs";
import { ServiceClient } from "./socketio.mjs";
import { eachTarget, twoGateways } from "./targets.mjs";

eachTarget("service: presence", (target, base) => {
  /** Ali and Sara in one room, Reza with Ali in another, and somebody who knows nobody. */
  async function people() {
    const [ali, sara, reza, stranger] = await Promise.all([
      Person.signUp(base, { stem: "علی" }),
      Person.signUp(base),
      Person.signUp(base, { stem: "رضا", email: false }),
      Person.signUp(base, { stem: "غریبه" }),
    ]);
    const room = await serviceRoom(ali, sara);
    await serviceRoom(ali, reza);
    return { ali, sara, reza, stranger, room };
  }

  it("lists those online: of a room, and of everybody one shares a room with", async (t) => {
    const { ali, sara, reza, stranger, room } = await people();
    const [first, last] = twoGateways(target);
    const a = await ServiceClient.connect(t, first, ali);
    // Ali hears that they came, so they are online when he asks.
    await ServiceClient.connect(t, last, sara);
    await ServiceClient.connect(t, last, reza);
    await ServiceClient.connect(t, last, stranger);
    await a.on("user_online", ({ username }) => username === sara.name);
    await a.on("user_online", ({ username }) => username === reza.name);

    const ofRoom = await a.ask("get_online_users", { room });
    assert.deepEqual(ofRoom.toSorted(), [ali.email, sara.email].toSorted());
    const everybody = [ali.email, sara.email, reza.name].toSorted();
    assert.deepEqual((await a.ask("get_online_users")).toSorted(), everybody);
    await a.inbox.when("two events online_users", () => a.all("online_users").length === 2);
    assert.deepEqual(
      a.all("online_users").map((names) => names.toSorted()),
      [ofRoom.toSorted(), everybody],
    );

    a.tell("get_online_users");
    await a.inbox.when("the third", () => a.all("online_users").length === 3);
    assert.deepEqual(a.all("online_users")[2].toSorted(), everybody);
    assert.deepEqual(
      a.all("user_online").filter(({ username }) => username === stranger.name),
      [],
    );
  });

  it("tells who comes online and who goes", async (t) => {
    const { ali, sara, stranger } = await people();
    const [first, last] = twoGateways(target);
    const a = await ServiceClient.connect(t, first, ali);
    const outside = await ServiceClient.connect(t, first, stranger);
    const s = await ServiceClient.connect(t, last, sara);
    const expected = { email: sara.email, username: sara.name };
    const isSara = ({ username }) => username === sara.name;
    assert.deepEqual(await a.on("user_online", isSara), expected);
    s.socket.disconnect();
    assert.deepEqual(await a.on("user_offline", isSara), expected);
    assert.equal(a.all("user_online").filter(isSara).length, 1);
    assert.equal(a.all("user_offline").filter(isSara).length, 1);
    assert.deepEqual([...outside.all("user_online"), ...outside.all("user_offline")].filter(isSara), []);
  });

  it("shows in the list of private chats who is online", async (t) => {
    const { ali, sara } = await people();
    await ali.made("POST", "/chat/private_chats/", { member: sara.email });
    const a = await ServiceClient.connect(t, base, ali);
    const state = async () => (await ali.made("GET", "/chat/private_chats/"))[0];
    assert.deepEqual(
      [(await state()).other_user_email, (await state()).other_username, (await state()).is_online],
      [sara.email, sara.name, false],
    );
    await ServiceClient.connect(t, base, sara);
    await a.on("user_online", ({ username }) => username === sara.name);
    assert.equal((await state()).is_online, true);
  });
});
