// The real server, as processes of the debug build on free ports, and doors before it that a test can shut.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

const BINARY = process.env.CHAPAR_BINARY ?? path.join(import.meta.dirname, "../../target/debug/chapar");
const START_MS = 60_000;

/** Of one upload, in bytes: less than usual, so that a file that is refused is soon made. */
export const MAX_UPLOAD = 1_000_000;

// No test is held up by what one user may do in a second.
const buckets = ["SEND_USER", "SEND_ROOM", "COMMANDS", "LOGIN_ACCOUNT_ADDRESS", "LOGIN_ACCOUNT", "REGISTRATIONS"];
const SETTINGS = {
  ...Object.fromEntries(
    buckets.flatMap((bucket) => [
      [`CHAPAR_LIMITS__${bucket}__CAPACITY`, "1000000"],
      [`CHAPAR_LIMITS__${bucket}__REFILL_PER_S`, "1000000"],
    ]),
  ),
  CHAPAR_GATEWAY__MAX_PENDING_COMMANDS: "1000",
  CHAPAR_GATEWAY__OFFLINE_DELAY: "1s",
  CHAPAR_LIMITS__MAX_UPLOAD_BYTES: String(MAX_UPLOAD),
};

/** A deployment: `url`, and in a cluster where its nodes are and which processes. */
export class Server {
  nodes = new Map();

  /** One process with SQLite. */
  static single() {
    const free = { CHAPAR_HTTP__BIND: "127.0.0.1:0", CHAPAR_INTERNAL__BIND: "127.0.0.1:0" };
    return new Server().#start([], free, /serving .*http\.address=(\S+)/);
  }

  /** Two api nodes and two gateways behind nginx, on Postgres and Redis; a node that ends is started again. */
  static async cluster() {
    const probe = net.createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address();
    probe.close();
    return new Server().#start(["dev", "cluster", "--restart", "--port", String(port)], {}, /^ready: http:\/\/(\S+)/);
  }

  async #start(words, settings, isReady) {
    if (!existsSync(BINARY)) throw new Error(`${BINARY} is missing: cargo build --workspace --all-targets`);
    this.folder = mkdtempSync(path.join(tmpdir(), "chapar-web-"));
    this.process = spawn(BINARY, words, {
      // Where neither a .env nor a chapar.toml is.
      cwd: this.folder,
      env: { PATH: process.env.PATH, ...SETTINGS, ...settings, CHAPAR_DATA_DIR: this.folder },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.ended = once(this.process, "close");
    const lines = [];
    const address = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not ready in time:\n${lines.join("\n")}`)), START_MS);
      const read = (line) => {
        lines.push(line);
        const [, node, url, pid] = /^(\S+ \d+) +(http\S+) \(pid (\d+)\)/.exec(line) ?? [];
        if (node) this.nodes.set(node, { url, pid: Number(pid) });
        const ready = isReady.exec(line);
        if (ready) {
          clearTimeout(timer);
          resolve(ready[1]);
        }
      };
      for (const stream of [this.process.stdout, this.process.stderr])
        createInterface({ input: stream }).on("line", read);
      this.ended.then(() => {
        clearTimeout(timer);
        reject(new Error(`the server ended:\n${lines.slice(-40).join("\n")}`));
      });
    });
    this.url = `http://${address}`;
    return this;
  }

  /** Kills a node at once, such as `gateway 1`. */
  kill(node) {
    process.kill(this.nodes.get(node).pid, "SIGKILL");
  }

  async stop() {
    this.process.kill("SIGTERM");
    await this.ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/**
 * An address of its own before one api node and one gateway, as a browser's way to the network: so a test knows which
 * gateway serves whom, and can cut the line.
 */
export class Door {
  #connections = new Set();
  #isShut = false;

  static async before(api, gateway = api) {
    const door = new Door();
    const forward = (request, target) => {
      const { method, headers, url } = request;
      return http.request(`${target}${url}`, { method, headers: { ...headers, "x-forwarded-for": "" }, agent: false });
    };
    door.server = http.createServer((request, response) => {
      const onward = forward(request, api);
      onward.on("response", (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      });
      onward.on("error", () => response.destroy());
      request.pipe(onward);
    });
    door.server.on("upgrade", (request, socket, head) => {
      const onward = forward(request, gateway);
      onward.on("upgrade", (answer, other, rest) => {
        const lines = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}\r\n`);
        socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("")}\r\n`);
        socket.write(rest);
        other.write(head);
        socket.pipe(other).pipe(socket);
        for (const [one, peer] of [
          [socket, other],
          [other, socket],
        ]) {
          one.on("error", () => peer.destroy());
          one.on("close", () => peer.destroy());
        }
      });
      onward.on("error", () => socket.destroy());
      onward.on("response", () => socket.destroy());
      onward.end();
    });
    door.server.on("connection", (socket) => {
      if (door.#isShut) {
        socket.destroy();
        return;
      }
      door.#connections.add(socket);
      socket.on("close", () => door.#connections.delete(socket));
      socket.on("error", () => {});
    });
    door.server.listen(0, "127.0.0.1");
    await once(door.server, "listening");
    door.url = `http://127.0.0.1:${door.server.address().port}`;
    return door;
  }

  /** Cuts all lines, and lets none in. */
  shut() {
    this.#isShut = true;
    for (const socket of this.#connections) socket.destroy();
  }

  open() {
    this.#isShut = false;
  }

  close() {
    this.shut();
    this.server.close();
  }
}
