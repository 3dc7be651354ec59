// A chat of many clients in rooms of one size: what most scenarios are, each with figures of its own.

import exec from "k6/execution";

import { beacon } from "./beacon.js";
import { Member } from "./member.js";
import { beClients, makePlan, messagesOf, once, removeRooms } from "./plan.js";
import { promises } from "./thresholds.js";

/** `p(99)` is what thresholds are about. */
export const STATISTICS = ["min", "med", "avg", "p(95)", "p(99)", "max"];

/**
 * A chat:
 *
 *     clients     how many
 *     perVu       how many of them in one VU of k6, which takes a few MB
 *     roomSize    how many in a room
 *     speakers    how many of a room's clients speak; the first ones
 *     rate        messages a second of each
 *     durationS, beaconEveryMs, bytes, spare   as of makePlan
 *     habits(plan, index)               what a client does besides, see Member
 *     dialectOf(index)                  its protocol; native where it is not given
 */
export class Chat {
  constructor(figures) {
    Object.assign(this, { perVu: 1, speakers: 1, rate: 1, beaconEveryMs: 0, bytes: 0 }, figures);
    this.rooms = Math.ceil(this.clients / this.roomSize);
    this.vus = Math.ceil(this.clients / this.perVu);
  }

  /** k6's scenarios: the clients, and the beacons where there are any. Their functions are `people` and `beacons`. */
  scenarios() {
    const people = once(this.vus, { durationS: this.durationS, clients: this.clients, exec: "people" });
    if (this.beaconEveryMs === 0) {
      return { people };
    }
    const beacons = once(this.rooms, { durationS: this.durationS, clients: this.clients, exec: "beacons" });
    return { people, beacons };
  }

  /** How many messages all clients together hear. */
  heard() {
    return this.clients * messagesOf(this);
  }

  /** The thresholds of every chat. */
  promises() {
    return promises({ clients: this.clients, heard: this.heard() });
  }

  setup() {
    return makePlan(this);
  }

  teardown(plan) {
    return removeRooms(plan);
  }

  async people(plan) {
    await beClients(this.perVu, this.clients, (index) => this.live(plan, index));
  }

  async live(plan, index) {
    const room = plan.rooms[Math.floor(index / this.roomSize)];
    const member = new Member({
      plan,
      room,
      dialect: this.dialectOf?.(index) ?? "native",
      // The run's user 0 made the rooms.
      index: index + 1,
      stream: room.speaks[index % this.roomSize] ?? null,
      habits: this.habits?.(plan, index) ?? {},
    });
    await member.live();
  }

  async beacons(plan) {
    await beacon(plan, plan.rooms[exec.scenario.iterationInTest]);
  }
}
