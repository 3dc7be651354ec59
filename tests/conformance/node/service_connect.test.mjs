// *service*: who gets in over Socket.IO, by which transport, and what ends a connection.

import assert from "node:assert/strict";
import { it } from "node:test";

import { inTime } from "./inbox.mjs";
import { PASSWORD, Person, serviceRoom } from "./person.mjs";
import { ServiceClient } from "./socketio.mjs";
import { eachTarget } from "./targets.mjs";

const WEBSOCKET = ["websocket"];
const POLLING = ["polling"];
/** What socket.io-client does when nothing is said. */
const UPGRADING = ["polling", "websocket"];

/** The ways in which a client gives its token. */
const WAYS = {
  "auth.token": (token) => ({ auth: { token } }),
  "the Authorization header": (token) => ({ extraHeaders: { authorization: `Bearer ${token}` } }),
  "the query": (token) => ({ query: { token } }),
};

/** How a session ends. */
const ENDS = {
  "signs out": (person) => person.signOut(),
  "is revoked from another": async (person, elsewhere) => {
    const { items } = await person.made("GET", "/v1/auth/sessions");
    await elsewhere.made("DELETE", `/v1/auth/sessions/${items.find(({ current }) => current).id}`);
  },
};

/** Resolves when the client has left polling. */
function upgraded(client) {
  const { engine } = client.socket.io;
  if (engine.transport.name === "websocket") return Promise.resolve();
  return inTime("the upgrade to WebSocket", new Promise((resolve) => engine.once("upgrade", resolve)));
}

/** Each of two clients hears the other. */
async function talk(room, ali, sara) {
  const texts = ["سلام سارا", "سلام علی"];
  const answers = await Promise.all([
    ali.ask("chat_message", { room, message: texts[0] }),
    sara.ask("chat_message", { room, message: texts[1] }),
  ]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    ["received", "received"],
  );
  await Promise.all([sara.message(texts[0]), ali.message(texts[1])]);
}

eachTarget("service: connecting", (target, base) => {
  for (const [way, options] of Object.entries(WAYS)) {
    for (const transports of [WEBSOCKET, POLLING]) {
      it(`takes the token from ${way} by ${transports}`, async (t) => {
        const sara = await Person.signUp(base);
        const room = await serviceRoom(sara);
        const client = new ServiceClient(t, base, { ...options(sara.token), transports });
        await client.connected();
        const answer = await client.ask("chat_message", { room, message: "به نام خودم" });
        assert.equal(answer.status, "received");
        const [message] = await sara.made("GET", `/chat/chat_rooms/${room}/messages`);
        assert.equal(message.sender, sara.member);
      });

      it(`refuses a bad token from ${way} by ${transports} with a message`, async (t) => {
        const client = new ServiceClient(t, base, { ...options("not.a.token"), transports });
        const { message } = await client.refusal();
        assert.ok(message.length > 0);
        // Not the transport's own complaint: the server answered the CONNECT.
        assert.doesNotMatch(message, /websocket error|xhr poll error|timeout/);
        assert.equal(client.socket.connected, false);
      });
    }
  }

  it("refuses a client without a token with a message", async (t) => {
    const { message } = await new ServiceClient(t, base, {}).refusal();
    assert.ok(message.length > 0);
    assert.doesNotMatch(message, /websocket error|timeout/);
  });

  it("refuses the token of a session that ended", async (t) => {
    const sara = await Person.signUp(base);
    await sara.signOut();
    const { message } = await new ServiceClient(t, base, { auth: { token: sara.token } }).refusal();
    assert.doesNotMatch(message, /websocket error|timeout/);
  });

  it("has no namespace but the first", async (t) => {
    const sara = await Person.signUp(base);
    const client = new ServiceClient(t, `${base}/admin`, { auth: { token: sara.token } });
    assert.equal((await client.refusal()).message, "Invalid namespace");
  });

  it("takes the token that its own login gives out", async (t) => {
    const sara = await Person.signUp(base);
    const form = new URLSearchParams({ username: sara.email, password: PASSWORD });
    const { access_token, token_type } = await sara.made("POST", "/auth/token", form);
    assert.equal(token_type, "bearer");
    await ServiceClient.connect(t, base, { token: access_token });
  });

  for (const where of new Set([...target.http, ...target.gateways])) {
    const place = where === base ? "where clients go" : `gateway ${target.gateways.indexOf(where) + 1}`;

    it(`upgrades a client that began with polling, without losing a message (${place})`, async (t) => {
      const [ali, sara] = await Promise.all([Person.signUp(base), Person.signUp(base)]);
      const room = await serviceRoom(ali, sara);
      const hearer = await ServiceClient.connect(t, where, sara, { transports: UPGRADING });
      const sender = await ServiceClient.connect(t, where, ali, { transports: UPGRADING });
      // While the transport changes under them.
      const texts = Array.from({ length: 30 }, (_, number) => `پیام ${number}`);
      for (const message of texts) sender.tell("chat_message", { room, message });
      await Promise.all([upgraded(sender), upgraded(hearer)]);
      assert.deepEqual([sender.transport, hearer.transport], ["websocket", "websocket"]);
      await hearer.message(texts.at(-1));
      assert.deepEqual(
        hearer.all("chat_response").map(({ message }) => message.content),
        texts,
      );
      await talk(room, sender, hearer);
    });

    it(`serves clients that only poll (${place})`, async (t) => {
      // Enough of them that a balancer which spread their requests would be found out.
      const people = await Promise.all(Array.from({ length: 5 }, () => Person.signUp(base)));
      const room = await serviceRoom(...people);
      const clients = await Promise.all(
        people.map((person) => ServiceClient.connect(t, where, person, { transports: POLLING })),
      );
      const texts = people.map((_, number) => `از ${number}`);
      const answers = await Promise.all(
        clients.map((client, number) => client.ask("chat_message", { room, message: texts[number] })),
      );
      assert.deepEqual(
        answers.map(({ status }) => status),
        texts.map(() => "received"),
      );
      await Promise.all(
        clients.flatMap((client, own) =>
          texts.filter((_, number) => number !== own).map((text) => client.message(text)),
        ),
      );
      assert.deepEqual(
        clients.map(({ transport }) => transport),
        people.map(() => "polling"),
      );
    });
  }

  for (const [how, end] of Object.entries(ENDS)) {
    for (const transports of [WEBSOCKET, POLLING]) {
      it(`disconnects a client by ${transports} whose session ${how}`, async (t) => {
        const sara = await Person.signUp(base);
        const elsewhere = await sara.onAnotherDevice();
        const client = await ServiceClient.connect(t, base, sara, { transports });
        const other = await ServiceClient.connect(t, base, elsewhere, { transports });
        const room = await serviceRoom(sara);
        const gone = client.disconnection();
        await end(sara, elsewhere);
        assert.equal(await gone, "io server disconnect");
        // The other session lives on.
        assert.equal((await other.ask("chat_message", { room, message: "هنوز هستم" })).status, "received");
      });
    }
  }

  it("lets a client back in by itself after its connection broke", async (t) => {
    const [ali, sara] = await Promise.all([Person.signUp(base), Person.signUp(base)]);
    const room = await serviceRoom(ali, sara);
    const sender = await ServiceClient.connect(t, base, ali);
    const hearer = await ServiceClient.connect(t, base, sara, { reconnection: true, reconnectionDelay: 50 });
    const gone = hearer.disconnection();
    const back = inTime("the reconnection", new Promise((resolve) => hearer.socket.once("connect", resolve)));
    // As a network does: no close frame.
    hearer.socket.io.engine.transport.ws.terminate();
    assert.equal(await gone, "transport close");
    await back;
    await talk(room, sender, hearer);
  });
});
