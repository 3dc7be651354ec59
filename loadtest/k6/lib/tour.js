// Every native command once, by two clients of one room: one acts, the other hears.

import { check } from "k6";

import { Native } from "./native.js";
import { Session } from "./session.js";
import { before } from "./time.js";

/** How long an event may take. */
const PATIENCE_MS = 10_000;

/** A client that keeps the events it hears until somebody asks for them. */
class Witness {
  constructor(session) {
    this.connection = new Native(session, this);
    this.events = [];
    this.waiting = [];
  }

  message() {}
  recall() {}

  failed(error) {
    console.error(error.message);
  }

  event(event) {
    this.events.push(event);
    for (const look of this.waiting.splice(0)) {
      look();
    }
  }

  /** The first event of a type that fits, come or to come; null if there is none in time. */
  hears(type, fits) {
    const search = async () => {
      for (;;) {
        const found = this.events.find((event) => event.type === type && fits(event.data));
        if (found !== undefined) {
          return found;
        }
        await new Promise((resolve) => this.waiting.push(resolve));
      }
    };
    return before(Date.now() + PATIENCE_MS, search(), null);
  }
}

/** Goes through them; `indexes` are the two clients' numbers in the run. */
export async function tour(plan, room, indexes) {
  const [sara, ali] = await Promise.all(indexes.map((index) => Session.begin("native", plan.run, index)));
  await sara.rest.join(room.id);
  await ali.rest.join(room.id);
  const actor = new Witness(sara);
  const witness = new Witness(ali);
  await Promise.all([actor.connection.open(), witness.connection.open()]);
  const me = await sara.rest.me();
  const act = (op, fields) => actor.connection.command(op, { room: room.id, ...fields });
  const expect = async (name, type, fits) =>
    check(await witness.hears(type, fits), { [name]: (event) => event !== null });

  const nonce = `${plan.run}-tour`;
  const { message } = await act("send", { content: "سلام", nonce });
  await expect("send is heard", "message.created", (data) => data.id === message.id);
  const again = await act("send", { content: "سلام", nonce });
  check(again, { "a repeated send is the same message": () => again.message.id === message.id });
  const refused = await act("send", { content: "other", nonce }).catch((problem) => problem.code);
  check(refused, { "the nonce of another text is refused": () => refused === "nonce_conflict" });

  await act("edit", { message: message.id, content: "سلام!" });
  await expect(
    "edit is heard",
    "message.edited",
    (data) => data.id === message.id && data.content === "سلام!",
  );
  await act("react", { message: message.id, emoji: "🌹" });
  await expect("react is heard", "message.reacted", (data) => data.id === message.id && data.change.added);
  await act("unreact", { message: message.id, emoji: "🌹" });
  await expect("unreact is heard", "message.reacted", (data) => data.id === message.id && !data.change.added);
  await act("typing", { typing: true });
  await expect("typing is heard", "typing", (data) => data.user === me.id);
  // By the other one: who sends has read it by that.
  await witness.connection.command("read", { room: room.id, number: message.number });
  check(await actor.hears("read", (data) => data.user !== me.id), {
    "read is heard": (event) => event !== null,
  });
  const { online } = await witness.connection.command("watch", { users: [me.id] });
  check(online, { "a watched user is online": () => online.includes(me.id) });
  await act("ping", {});
  const { seq } = await act("delete", { message: message.id });
  check(seq, { "a delete takes a position": () => seq > message.seq });
  await expect("delete is heard", "message.deleted", (data) => data.id === message.id && !data.content);
  await sara.renew(true);
  await actor.connection.command("auth", { token: sara.token });
  await Promise.all([actor.connection.stop(), witness.connection.stop()]);
}
