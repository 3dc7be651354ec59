/** The real server, as processes of the debug build, on free ports; ended with the test that started them. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { Client, type ClientOptions } from "../../src/index.js";

const BINARY = process.env.CHAPAR_BINARY ?? fileURLToPath(new URL("../../../../target/debug/chapar", import.meta.url));

/** No test is held up by what a server allows one user in a second. */
const LIMITS = Object.fromEntries(
  ["SEND_USER", "SEND_ROOM", "COMMANDS", "LOGIN_ACCOUNT_ADDRESS", "LOGIN_ACCOUNT", "REGISTRATIONS"].flatMap(
    (bucket) => [
      [`CHAPAR_LIMITS__${bucket}__CAPACITY`, "1000000"],
      [`CHAPAR_LIMITS__${bucket}__REFILL_PER_S`, "1000000"],
    ],
  ),
);

/** Something to end. */
export interface After {
  after(work: () => void | Promise<void>): void;
}

/** What a whole file of tests has to end, last things first: pass `run` to `after` of node:test. */
export class Cleanup implements After {
  readonly #works: (() => void | Promise<void>)[] = [];

  after(work: () => void | Promise<void>): void {
    this.#works.unshift(work);
  }

  readonly run = async (): Promise<void> => {
    for (const work of this.#works) {
      await work();
    }
  };
}

/** A running server, or cluster. */
export class RealServer {
  readonly url: string;
  readonly #process: ChildProcess;
  readonly #nodes: Map<string, number>;

  private constructor(url: string, process: ChildProcess, nodes: Map<string, number>) {
    this.url = url;
    this.#process = process;
    this.#nodes = nodes;
  }

  /** One process with SQLite. */
  static single(t: After): Promise<RealServer> {
    const bind = { CHAPAR_HTTP__BIND: "127.0.0.1:0", CHAPAR_INTERNAL__BIND: "127.0.0.1:0" };
    return RealServer.#start(t, [], bind, /serving .*http\.address=(\S+)/);
  }

  /** Two api nodes and two gateways behind a balancer; nodes that end are started again. */
  static async cluster(t: After): Promise<RealServer> {
    const port = await freePort();
    return RealServer.#start(t, ["dev", "cluster", "--restart", "--port", `${port}`], {}, /^ready: http:\/\/(\S+)/);
  }

  static async #start(t: After, args: string[], env: object, isReady: RegExp): Promise<RealServer> {
    if (!existsSync(BINARY)) {
      throw new Error(`${BINARY} is missing: cargo build --workspace --bins`);
    }
    const folder = mkdtempSync(join(tmpdir(), "chapar-sdk-"));
    const started = spawn(BINARY, args, {
      // Where neither a .env nor a chapar.toml is.
      cwd: folder,
      env: { PATH: process.env.PATH, ...LIMITS, ...env, CHAPAR_DATA_DIR: folder },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = new Promise<void>((resolve) => started.once("close", () => resolve()));
    t.after(async () => {
      started.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    });
    const nodes = new Map<string, number>();
    const lines: string[] = [];
    const address = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not ready within a minute:\n${lines.join("\n")}`)), 60_000);
      const read = (line: string) => {
        lines.push(line);
        const node = /^(\S+ \d+) +http\S+ \(pid (\d+)\)/.exec(line);
        if (node) {
          nodes.set(node[1] as string, Number(node[2]));
        }
        const ready = isReady.exec(line);
        if (ready) {
          clearTimeout(timer);
          resolve(ready[1] as string);
        }
      };
      for (const stream of [started.stdout, started.stderr]) {
        createInterface({ input: stream }).on("line", read);
      }
      void ended.then(() => {
        clearTimeout(timer);
        reject(new Error(`the server ended:\n${lines.slice(-40).join("\n")}`));
      });
    });
    return new RealServer(`http://${address}`, started, nodes);
  }

  /** The process id of a node, such as `gateway 1`; another one once it was started again. */
  pid(node: string): number {
    const pid = this.#nodes.get(node);
    if (pid === undefined || this.#process.exitCode !== null) {
      throw new Error(`there is no ${node}`);
    }
    return pid;
  }

  /** Kills a node at once, or tells it to drain (`SIGTERM`), and waits until another one stands in its place. */
  async end(node: string, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const pid = this.pid(node);
    process.kill(pid, signal);
    await until(() => this.pid(node) !== pid, `another ${node}`);
  }

  /** A client, closed with the test. */
  client(t: After, options: ClientOptions = {}): Client {
    const client = new Client({ url: this.url, WebSocket, ...options });
    t.after(() => client.close());
    return client;
  }

  /** A client of a new user, online. */
  async user(t: After, username: string, options: ClientOptions = {}): Promise<Client> {
    const client = this.client(t, options);
    await client.register({ username, password: "correct horse" });
    await client.connect();
    return client;
  }
}

/** Waits until something holds, half a minute at most. */
export async function until(holds: () => boolean, what: string, seconds = 30): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!holds()) {
    if (performance.now() > deadline) {
      throw new Error(`never came: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A port that was free a moment ago: what stands before a cluster is told which one to take. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
