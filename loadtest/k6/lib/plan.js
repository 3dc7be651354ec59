// What a chat run is: rooms, who speaks in them and when. Made once, in setup(), and the same for every client.

import exec from "k6/execution";

import { number, seconds } from "./environment.js";
import * as measures from "./measures.js";
import { account, Session } from "./session.js";

/**
 * Makes the rooms and the timetable.
 *
 *     clients      how many come in all, which the default of WARMUP follows
 *     rooms        how many rooms
 *     speakers     streams of each room
 *     rate         messages a second of each stream
 *     durationS    for how long they are sent
 *     beaconEveryMs  a further stream of each room, which REST sends in this rhythm; none where it is 0
 *     bytes        least length of a text
 *     spare        further rooms, without streams
 *
 * Rooms are public and belong to the run's user 0. Streams of a room begin at different moments of their interval.
 */
export async function makePlan({
  clients,
  rooms,
  speakers,
  rate,
  durationS,
  beaconEveryMs = 0,
  bytes = 0,
  spare = 0,
}) {
  measures.begin();
  const run = Date.now().toString(36);
  const owner = await Session.begin("native", run, 0);
  const made = [];
  for (let index = 0; index < rooms + spare; index += 1) {
    made.push(await owner.rest.makeRoom({ kind: "public", name: `k6 ${run} ${index}` }));
  }
  const warmupS = seconds("WARMUP", 3 + clients * 0.05);
  const startAt = Date.now() + warmupS * 1000;
  const endAt = startAt + durationS * 1000;
  const everyMs = 1000 / rate;
  return {
    run,
    startAt,
    endAt,
    // What has not come by then is lost.
    lastAt: endAt + seconds("PATIENCE", 15) * 1000,
    bytes: number("BYTES", bytes),
    spare: made.slice(rooms).map(({ id, slug }) => ({ id, slug })),
    rooms: made.slice(0, rooms).map(({ id, slug }, index) => {
      const speaks = [];
      for (let speaker = 0; speaker < speakers; speaker += 1) {
        speaks.push({
          name: `${run}.r${index}.s${speaker}`,
          count: Math.max(1, Math.floor(durationS * rate)),
          startAt: startAt + (speaker / speakers) * everyMs,
          everyMs,
        });
      }
      const beacon = beaconEveryMs > 0 && {
        name: `${run}.r${index}.beacon`,
        count: Math.floor((durationS * 1000) / beaconEveryMs),
        startAt,
        everyMs: beaconEveryMs,
      };
      const streams = beacon ? [...speaks, beacon] : speaks;
      const lengths = Object.fromEntries(streams.map(({ name, count }) => [name, count]));
      return { id, slug, speaks, beacon, streams: lengths };
    }),
  };
}

/** Takes the run's rooms away, so that seeded users can run again and again. From teardown(). */
export async function removeRooms(plan) {
  const owner = new Session("native", account(plan.run, 0));
  await owner.signIn();
  for (const { id } of [...plan.rooms, ...plan.spare]) {
    await owner.rest.call("DELETE /v1/rooms/{id}", `/v1/rooms/${id}`);
  }
}

/** How many messages each client of a room hears, for a threshold. The same reckoning as above. */
export function messagesOf({ speakers, rate, durationS, beaconEveryMs = 0 }) {
  const beacons = beaconEveryMs > 0 ? Math.floor((durationS * 1000) / beaconEveryMs) : 0;
  return speakers * Math.max(1, Math.floor(durationS * rate)) + beacons;
}

/** The scenario in k6's words: each VU once, until the run's end. */
export function once(vus, { durationS, clients = vus, ...more }) {
  const warmupS = seconds("WARMUP", 3 + clients * 0.05);
  const maxDuration = `${Math.ceil(warmupS + durationS + seconds("PATIENCE", 15) + 60)}s`;
  return { executor: "per-vu-iterations", vus, iterations: 1, maxDuration, gracefulStop: "5s", ...more };
}

/** Lets the VU that runs this be clients `perVu` times its number and on; `live` gets each one's number from 0. */
export async function beClients(perVu, clients, live) {
  const first = exec.scenario.iterationInTest * perVu;
  const all = [];
  for (let index = first; index < Math.min(first + perVu, clients); index += 1) {
    // One that fails does not take the others of its VU along; it is missing in chapar_finished.
    all.push(live(index).catch((error) => console.error(`client ${index}: ${error.message}`)));
  }
  await Promise.all(all);
}
