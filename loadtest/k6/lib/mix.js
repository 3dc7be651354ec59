// What people do over REST, in the proportions of a chat client: mostly reading.

import { check } from "k6";

import { Session } from "./session.js";

/** Shares of a hundred. */
const STEPS = [
  [22, history],
  [18, rooms],
  [18, sendAndReadBack],
  [10, markRead],
  [8, changes],
  [6, members],
  [5, edit],
  [4, react],
  [3, people],
  [2, discover],
  [2, presence],
  [1, notifications],
  [1, attach],
];

/** A user of the mix, in a room that all of them share. */
export class Person {
  constructor(session, room) {
    this.session = session;
    this.rest = session.rest;
    this.room = room;
    this.latest = null;
    this.said = 0;
  }

  static async begin(plan, index) {
    const session = await Session.begin("native", plan.run, index);
    const room = plan.rooms[index % plan.rooms.length];
    await session.rest.join(room.id);
    const person = new Person(session, room);
    person.me = await session.rest.me();
    return person;
  }

  /** One thing, by chance. */
  async step() {
    await this.session.renew();
    let at = Math.random() * 100;
    const [, act] = STEPS.find(([share]) => {
      at -= share;
      return at < 0;
    });
    await act(this);
  }

  /** Each thing once, in order. */
  async all() {
    for (const [, act] of STEPS) {
      await act(this);
    }
  }

  /** Says something, and remembers what. */
  async say(more = {}) {
    this.said += 1;
    const nonce = `mix-${this.me.id}-${this.said}`;
    this.latest = await this.rest.send(this.room.id, { content: `سلام، ${nonce}`, nonce, ...more });
    return this.latest;
  }
}

async function history(person) {
  const page = await person.rest.history(person.room.id, "?limit=50");
  const numbers = page.items.map((message) => message.number);
  check(page, {
    "history is dense and newest first": () =>
      numbers.every((n, at) => at === 0 || n === numbers[at - 1] - 1),
  });
}

async function rooms(person) {
  const { items } = await person.rest.rooms();
  check(items, { "one's room is listed": () => items.some(({ id }) => id === person.room.id) });
}

async function sendAndReadBack(person) {
  const sent = await person.say();
  const again = await person.rest.send(person.room.id, { content: sent.content, nonce: sent.nonce });
  const { items } = await person.rest.history(person.room.id, `?around=${sent.number}&limit=3`);
  check(sent, {
    "a repeated nonce is the same message": () => again.id === sent.id,
    "what was acknowledged is read back": () =>
      items.some(({ id, content }) => id === sent.id && content === sent.content),
  });
}

async function markRead(person) {
  const { number } = await person.rest.room(person.room.id);
  const { read_number: read } = await person.rest.markRead(person.room.id, number);
  check(read, { "the read mark is where it was set, or further": () => read >= number });
}

async function changes(person) {
  const { seq } = await person.rest.room(person.room.id);
  const since = Math.max(0, seq - 20);
  const page = await person.rest.changes(person.room.id, since);
  const positions = page.items.map((event) => event.seq);
  check(page, {
    "changes come in order": () => positions.every((p, at) => p > (at === 0 ? since : positions[at - 1])),
  });
}

async function members(person) {
  const { items } = await person.rest.members(person.room.id);
  check(items, { "there are members": () => items.length > 0 });
}

async function edit(person) {
  const { id } = await person.say();
  const edited = await person.rest.edit(person.room.id, id, "بهتر گفته شد");
  check(edited, { "an edit is kept": () => edited.content === "بهتر گفته شد" && edited.edited_at !== null });
}

async function react(person) {
  const { id } = person.latest ?? (await person.say());
  await person.rest.react(person.room.id, id, "👍");
}

async function people(person) {
  const { items } = await person.rest.users(person.me.username.slice(0, 6));
  check(items, { "people are found": () => items.length > 0 });
}

async function discover(person) {
  await person.rest.discover("k6");
}

async function presence(person) {
  const { online } = await person.rest.presence([person.me.id]);
  check(online, { "presence is answered": () => Array.isArray(online) });
}

async function notifications(person) {
  await person.rest.notifications();
}

async function attach(person) {
  const file = await person.rest.upload("یادداشت.txt", "چند سطر", "text/plain");
  const sent = await person.say({ attachments: [file.id] });
  check(sent, { "a file is attached": () => sent.attachments.length === 1 });
}
