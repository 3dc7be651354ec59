// A node that lets in one newcomer a second, and tells the rest to come back: socket.io-client as it comes does.

import assert from "node:assert/strict";
import { it } from "node:test";

import { Person, serviceRoom } from "./person.mjs";
import { ServiceClient } from "./socketio.mjs";
import { narrow } from "./targets.mjs";

const CLIENTS = 4;

for (const transports of [["websocket"], ["polling", "websocket"]]) {
  it(`service: a crowd that is refused comes back by itself, by ${transports}`, async (t) => {
    const base = narrow().http[0];
    const sara = await Person.signUp(base);
    const room = await serviceRoom(sara);
    let refused = 0;
    const clients = Array.from({ length: CLIENTS }, () => {
      const client = new ServiceClient(t, base, { auth: { token: sara.token }, transports, reconnection: true });
      client.socket.on("connect_error", () => (refused += 1));
      return client;
    });
    await Promise.all(clients.map((client) => client.joined()));
    assert.ok(refused > 0, "nobody was refused");
    const [first, ...others] = clients;
    await first.ask("chat_message", { room, message: "همه آمدند" });
    await Promise.all(others.map((client) => client.message("همه آمدند")));
  });
}
