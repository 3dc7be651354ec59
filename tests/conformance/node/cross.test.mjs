// One room, every protocol: each message once and in one order for all, by whichever door it came in.

import assert from "node:assert/strict";
import { it } from "node:test";

import { Person, chatroom, unique } from "./person.mjs";
import { Socket, withToken } from "./socket.mjs";
import { ServiceClient } from "./socketio.mjs";
import { eachTarget, twoGateways } from "./targets.mjs";

/** Messages of each person, half of them by REST. */
const EACH = 10;

eachTarget("all protocols", (target, base) => {
  it("carries 50 messages of five protocols to all of them once, in the same order", async (t) => {
    const names = ["native", "chatrooms", "groups", "conversations", "service"];
    const people = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await Person.signUp(base)])));
    const { id } = await chatroom(people.native, `میدان ${unique()}`, ...Object.values(people));
    const { slug } = await people.native.made("GET", `/v1/rooms/${id}`);
    const [first, last] = twoGateways(target);
    const plainPath = (key, dialect) =>
      withToken(`/ws/chat/${encodeURIComponent(key)}/?dialect=${dialect}`, people[dialect]);
    const sockets = {
      native: await Socket.open(t, first, withToken("/v1/ws", people.native)),
      chatrooms: await Socket.open(t, last, plainPath(slug, "chatrooms")),
      groups: await Socket.open(t, first, plainPath(slug, "groups")),
      conversations: await Socket.open(t, last, withToken(`/ws/chat/${id}/`, people.conversations)),
    };
    sockets.native.send({ op: "hello" });
    await sockets.native.inbox.find("ready", ({ op }) => op === "ready");
    const sender = await ServiceClient.connect(t, first, people.service);
    const hearer = await ServiceClient.connect(t, last, people.service, { transports: ["polling", "websocket"] });

    const ways = {
      native: {
        socket: (content) => sockets.native.send({ op: "send", id: content, room: id, content }),
        rest: (content) => people.native.made("POST", `/v1/rooms/${id}/messages`, { content }),
      },
      chatrooms: {
        socket: (message) => sockets.chatrooms.send({ message }),
        rest: (content) => people.chatrooms.made("POST", "/api/messages/", { chatroom: id, content }),
      },
      groups: {
        socket: (message) => sockets.groups.send({ message }),
        rest: (message) => people.groups.made("POST", `/chat/group/${encodeURIComponent(slug)}/`, { message }),
      },
      conversations: {
        socket: (message) => sockets.conversations.send({ type: "chat_message", message }),
        rest: (content) => people.conversations.made("POST", `/api/conversations/${id}/messages/`, { content }),
      },
      service: {
        socket: (message) => sender.tell("chat_message", { room: String(id), message }),
        rest: (content) => people.service.made("POST", `/chat/chat_rooms/${id}/messages`, { content }),
      },
    };
    const texts = [];
    const asked = [];
    for (let number = 0; number < EACH; number += 1) {
      for (const name of names) {
        const way = number % 2 === 0 ? "socket" : "rest";
        const text = `${name} ${way} ${number}`;
        texts.push(text);
        asked.push(ways[name][way](text));
      }
    }
    await Promise.all(asked);

    // What each client saw, as [id, text], in its own form.
    const seen = {
      native: () =>
        sockets.native.inbox.items
          .filter(({ type }) => type === "message.created")
          .map(({ data }) => [data.id, data.content]),
      chatrooms: () => sockets.chatrooms.inbox.items.map(({ id, message }) => [id, message]),
      groups: () => sockets.groups.inbox.items.map(({ id, message }) => [id, message]),
      conversations: () => sockets.conversations.inbox.items.map(({ message }) => [message.id, message.content]),
      service: () => hearer.all("chat_response").map(({ message }) => [Number(message.id), message.content]),
      sender: () =>
        sender
          .all("chat_response")
          .map((response) =>
            response.status === "received"
              ? [Number(response.id), response.message]
              : [Number(response.message.id), response.message.content],
          ),
    };
    const inboxes = { ...sockets, service: hearer, sender };
    for (const [name, what] of Object.entries(seen)) {
      await inboxes[name].inbox.when(`${texts.length} messages (${name})`, () => what().length >= texts.length);
    }
    const history = await people.service.made("GET", `/chat/chat_rooms/${id}/messages`);
    const stored = history.map(({ id, content }) => [Number(id), content]);
    assert.deepEqual(stored.map(([, text]) => text).toSorted(), texts.toSorted());
    for (const name of [...names]) assert.deepEqual(seen[name](), stored, `what ${name} saw`);
    // An acknowledgement may be before or after others' messages; the rest is in order.
    const byId = (one, other) => one[0] - other[0];
    assert.deepEqual(seen.sender().toSorted(byId), stored.toSorted(byId), "what the sender saw");
    const full = sender.all("chat_response").filter(({ status }) => status !== "received");
    const fullIds = full.map(({ message }) => Number(message.id));
    const own = new Set(sender.all("chat_response").flatMap(({ status, id }) => (status ? [Number(id)] : [])));
    assert.equal(own.size, EACH / 2);
    assert.deepEqual(
      fullIds,
      stored.map(([id]) => id).filter((id) => !own.has(id)),
    );
    // Two people in one room write from their own sides: each one's messages by socket keep their order.
    for (const name of names) {
      const bySocket = stored.map(([, text]) => text).filter((text) => text.startsWith(`${name} socket`));
      assert.deepEqual(
        bySocket,
        texts.filter((text) => text.startsWith(`${name} socket`)),
      );
    }
  });
});
