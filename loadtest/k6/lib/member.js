// One client of a chat: it signs in, joins its room, connects, says its part at the moments that the plan names, hears
// everybody's, and gives account of what it heard.

import { Checker, read, text } from "./checker.js";
import { Chatrooms, Conversations, Groups, Service } from "./dialects.js";
import { SABOTAGE } from "./environment.js";
import * as measures from "./measures.js";
import { Native } from "./native.js";
import { Session } from "./session.js";
import { actAt, before, sleep, until } from "./time.js";

const PROTOCOLS = {
  native: Native,
  chatrooms: Chatrooms,
  groups: Groups,
  conversations: Conversations,
  service: Service,
};

/** Every dialect, the native protocol first. */
export const DIALECTS = Object.keys(PROTOCOLS);

/** After everything has come a client stays so long, in case that something comes twice. */
const LINGER_MS = 1_000;

export class Member {
  /**
   * `plan` is what setup() made; `room` one of its rooms; `index` the number of the client in the run, by which it has
   * its account; `stream` what it says, if it speaks; `habits` what else it does:
   *
   *     leaves: [{at, away}]      gives its socket up at these moments, for so many milliseconds
   *     connectAt                 connects at this moment rather than during the warm-up
   *     isLively                  tells when it types and how far it has read (native)
   */
  constructor({ plan, dialect = "native", room, index, stream = null, habits = {} }) {
    Object.assign(this, { plan, dialect, room, index, stream, habits });
    this.checker = new Checker(room.streams);
    this.tags = { dialect };
    // Heard by REST: the socket may tell them once more, as it cannot know.
    this.recalled = new Set();
    this.isAway = false;
    this.heardAt = null;
    this.longestSilence = 0;
    this.heardNumber = 0;
    this.heardCount = 0;
    this.complete = new Promise((resolve) => {
      this.completed = resolve;
    });
  }

  /** Its whole life in the run. */
  async live() {
    const { plan } = this;
    this.session = await Session.begin(this.dialect, plan.run, this.index);
    await this.session.rest.join(this.room.id);
    await this.sabotage();
    this.connection = new PROTOCOLS[this.dialect](this.session, this, this.room);
    const { connectAt } = this.habits;
    if (connectAt !== undefined) {
      await this.prepareLate(connectAt);
    }
    await this.connection.open(connectAt);
    // Whoever comes later cannot know what was said before; natively it would, by `since`.
    this.isLate = Date.now() > plan.startAt && connectAt === undefined;
    measures.late.add(this.isLate ? 1 : 0);
    await this.speakAndHear();
    await this.connection.stop();
    this.account();
    measures.finished.add(1, this.tags);
  }

  async sabotage() {
    if (SABOTAGE === "quit" && this.index === 1) {
      throw new Error("it quits");
    }
    if (SABOTAGE === "stray") {
      for (const { id } of this.plan.rooms) {
        await this.session.rest.join(id);
      }
    }
  }

  /** A native client that connects when the streams run already begins at the position where it joined. */
  async prepareLate(connectAt) {
    const { seq } = await this.session.rest.room(this.room.id);
    this.connection.positions.set(this.room.id, seq);
    await until(connectAt);
  }

  async speakAndHear() {
    const { plan, habits } = this;
    const leaves = (habits.leaves ?? []).map(({ at, away }) => this.goAway(at, away));
    const tasks = [this.speak(), ...leaves];
    if (habits.isLively && this.dialect === "native") {
      tasks.push(this.beLively());
    }
    await Promise.all(tasks);
    await before(plan.lastAt, this.complete);
    await sleep(LINGER_MS);
  }

  /** Says its stream: each message at its moment, one after the other is stored. */
  async speak() {
    const { stream, plan } = this;
    if (stream === null) {
      return;
    }
    let said = 0;
    try {
      for (let number = 1; number <= stream.count; number += 1) {
        let meantAt = stream.startAt + (number - 1) * stream.everyMs;
        await until(meantAt);
        if (this.isAway) {
          // Of its own will: nobody meant to say anything then.
          await this.connection.ready();
          meantAt = Date.now();
        }
        if (Date.now() > plan.lastAt) {
          break;
        }
        const content = text(stream.name, number, meantAt, plan.bytes);
        const nonce = `${stream.name}:${number}`;
        // A stuck send ends with the run, not the run with it.
        const stored = await before(plan.lastAt, this.connection.send(this.room, content, nonce), "never");
        if (stored === "never") {
          break;
        }
        said += 1;
        measures.acknowledgement.add(Date.now() - meantAt, this.tags);
      }
    } catch (error) {
      console.error(`${stream.name}: ${error.message}`);
    }
    if (said < stream.count) {
      measures.unsent.add(stream.count - said, this.tags);
    }
  }

  async goAway(at, away) {
    await until(at);
    await this.connection.ready();
    this.isAway = true;
    this.connection.leave(away, "wanted");
    await this.connection.ready();
    this.isAway = false;
  }

  /** Types before it speaks and marks as read what it heard, every few seconds. */
  async beLively() {
    const { plan, room } = this;
    await until(plan.startAt + (this.index % 50) * 100);
    while (Date.now() < plan.endAt) {
      this.connection.tell("typing", { room: room.id, typing: true });
      if (this.heardNumber > 0) {
        this.connection.tell("read", { room: room.id, number: this.heardNumber });
      }
      await sleep(5_000);
    }
  }

  // What its connection tells.

  /** A message, by the socket. */
  message(content, { via, mayBeLate, number = 0 }) {
    const tag = read(content);
    this.heardNumber = Math.max(this.heardNumber, number);
    if (tag === null || !tag.stream.startsWith(`${this.plan.run}.`)) {
      return;
    }
    if (this.recalled.delete(`${tag.stream}:${tag.number}`)) {
      return;
    }
    this.heardCount += 1;
    if (SABOTAGE === "drop" && this.heardCount % 20 === 0) {
      return;
    }
    if (SABOTAGE === "swap" && this.heardCount % 20 === 0) {
      actAt(Date.now() + 1_500, () => this.take(tag, via, mayBeLate));
      return;
    }
    this.take(tag, via, mayBeLate);
    if (SABOTAGE === "double" && this.heardCount % 20 === 0) {
      this.take(tag, via, mayBeLate);
    }
  }

  /** A message that REST told, as what was missed: news unless it has come already, and its place says nothing. */
  recall(content) {
    const tag = read(content);
    if (tag?.stream.startsWith(`${this.plan.run}.`) && !this.checker.has(tag)) {
      this.recalled.add(`${tag.stream}:${tag.number}`);
      this.take(tag, "replay", true);
    }
  }

  take(tag, via, mayBeLate) {
    const now = Date.now();
    if (SABOTAGE === "mute" && this.index === 1 && now > this.plan.startAt + 2_000 && this.heardAt !== null) {
      // Hears nothing for a while, then all at once.
      const wakeAt = this.plan.startAt + 8_500;
      if (now < wakeAt) {
        actAt(wakeAt, () => this.take(tag, via, mayBeLate));
        return;
      }
    }
    if (this.isLate) {
      this.checker.forgive(tag);
    }
    this.hush(now);
    if (this.checker.take(tag, mayBeLate)) {
      measures.delivered.add(1, { ...this.tags, via });
      measures.delivery.add(now - tag.meantAt, { ...this.tags, via });
    }
    if (this.checker.isComplete()) {
      this.completed();
    }
  }

  /** Keeps the longest time between two messages, the first counted from the beginning of the streams. */
  hush(now) {
    const since = this.heardAt ?? this.plan.startAt;
    this.longestSilence = Math.max(this.longestSilence, now - since);
    this.heardAt = now;
  }

  failed(error) {
    console.error(error.message);
    this.completed();
  }

  account() {
    const { checker, tags } = this;
    if (!checker.isComplete()) {
      this.hush(Date.now());
      const which = checker.lacking().join(", ");
      console.error(`${this.dialect} client ${this.index} lost ${checker.missing}: ${which}, …`);
    }
    measures.lost.add(checker.missing, tags);
    measures.doubled.add(checker.doubled, tags);
    measures.disordered.add(checker.disordered, tags);
    measures.foreign.add(checker.foreign, tags);
    measures.silence.add(this.longestSilence, tags);
  }
}
