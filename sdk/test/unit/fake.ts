/**
 * A server that does what a test says, over real sockets: so that the library meets what no healthy server would do on
 * demand. What a healthy one does is tested against the real one, in `../server` and `../cluster`.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { Client, type ClientOptions, type Message, type OwnUser, type Ready, type RoomView } from "../../src/index.js";

export const SARA: OwnUser = { id: 1, username: "sara", display_name: "Sara", avatar_url: null, email: null };
export const ALI: OwnUser = { id: 2, username: "ali", display_name: "Ali", avatar_url: null, email: null };

/** One client's socket, as the server sees it. */
export class Peer {
  readonly #socket: WebSocket;
  /** Frames that came and were not asked for yet. */
  readonly #frames: Frame[] = [];
  isClosed = false;
  /** The code that the client closed with. */
  closeCode: number | undefined;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data) => this.#frames.push(JSON.parse(String(data))));
    socket.on("close", (code) => {
      this.isClosed = true;
      this.closeCode = code;
    });
  }

  /** The next frame, of a certain kind if one is named: others before it are skipped. */
  async next(op?: string): Promise<Frame> {
    let frame: Frame | undefined;
    await until(
      () => {
        frame = this.#frames.shift();
        while (frame && op !== undefined && frame.op !== op) {
          frame = this.#frames.shift();
        }
        return frame !== undefined;
      },
      `a frame ${op ?? ""}`,
    );
    return frame as Frame;
  }

  /** What came and was not asked for. */
  get pending(): readonly Frame[] {
    return this.#frames;
  }

  send(frame: object): void {
    this.#socket.send(JSON.stringify(frame));
  }

  event(type: string, room: number | undefined, seq: number | undefined, data: object): void {
    this.send({ op: "event", type, room, seq, data });
  }

  ok(id: unknown, ok: object = {}): void {
    this.send({ op: "reply", id, ok });
  }

  refuse(id: unknown, code: string, more: object = {}): void {
    this.send({ op: "reply", id, error: { code, detail: code, ...more } });
  }

  close(code: number): void {
    this.#socket.close(code);
  }

  /** As a cable that is pulled. */
  cut(): void {
    this.#socket.terminate();
  }
}

// biome-ignore lint/suspicious/noExplicitAny: what a client sends is what a test looks at
export type Frame = Record<string, any>;

/** A request that came. */
export interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  token: string | null;
  body: Frame;
}

/** What a request is answered: a status and JSON; `null` breaks the line instead. */
export type Answer = { status: number; json?: unknown; headers?: Record<string, string> } | null;

/** The server. */
export class FakeServer {
  readonly url: string;
  readonly asked: Asked[] = [];
  readonly #peers: Peer[] = [];
  readonly #routes = new Map<string, (asked: Asked) => Answer | Promise<Answer>>();
  /** Numbers the tokens that were given. */
  tokens = 0;
  expiresIn = 900;
  epoch = "e1";
  rooms: Ready["rooms"] = [];
  heartbeat = 30;

  private constructor(server: Server, sockets: WebSocketServer) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    sockets.on("connection", (socket) => this.#peers.push(new Peer(socket)));
    this.on("POST /v1/auth/login", () => this.#tokens());
    this.on("POST /v1/auth/refresh", ({ body }) =>
      body.refresh_token === `refresh-${this.tokens}` ? this.#tokens() : problem(401, "invalid_refresh_token"),
    );
    this.on("POST /v1/auth/logout", () => ({ status: 204 }));
  }

  static async start(t: TestContext): Promise<FakeServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const sockets = new WebSocketServer({ server });
    const fake = new FakeServer(server, sockets);
    server.on("request", async (request, response) => {
      const asked = await read(request);
      fake.asked.push(asked);
      const answer = await fake.#answer(asked);
      if (answer === null) {
        request.socket.destroy();
        return;
      }
      response.writeHead(answer.status, { "Content-Type": "application/json", Connection: "close", ...answer.headers });
      response.end(answer.json === undefined ? undefined : JSON.stringify(answer.json));
    });
    t.after(() => {
      for (const socket of sockets.clients) {
        socket.terminate();
      }
      server.close();
      server.closeAllConnections();
    });
    return fake;
  }

  /** Says what a request is answered, such as `GET /v1/rooms/12`. */
  on(route: string, answer: (asked: Asked) => Answer | Promise<Answer>): void {
    this.#routes.set(route, answer);
  }

  /** Requests that came for a route. */
  count(route: string): number {
    return this.asked.filter(({ method, path }) => `${method} ${path}` === route).length;
  }

  /** A client of this server, closed with the test. */
  client(t: TestContext, options: ClientOptions = {}): Client {
    const client = new Client({ url: this.url, WebSocket, ...options });
    t.after(() => client.close());
    return client;
  }

  /** A client that is signed in. */
  async signedIn(t: TestContext, options: ClientOptions = {}): Promise<Client> {
    const client = this.client(t, options);
    await client.login({ login: "sara", password: "correct horse" });
    return client;
  }

  /** A client that is online, and its socket. */
  async online(t: TestContext, options: ClientOptions = {}): Promise<{ client: Client; peer: Peer }> {
    const client = await this.signedIn(t, options);
    const online = client.connect();
    const peer = await this.greet();
    await online;
    return { client, peer };
  }

  /** The next socket. */
  async peer(): Promise<Peer> {
    await until(() => this.#peers.length > 0, "a socket");
    return this.#peers.shift() as Peer;
  }

  get hasPeer(): boolean {
    return this.#peers.length > 0;
  }

  /** Takes the next socket and says `ready`; what it said stands in `hello`. */
  async greet(): Promise<Peer & { hello: Frame }> {
    const peer = await this.peer();
    const hello = await peer.next("hello");
    this.ready(peer);
    return Object.assign(peer, { hello });
  }

  ready(peer: Peer): void {
    peer.send({
      op: "ready",
      session: "41",
      epoch: this.epoch,
      user: SARA,
      rooms: this.rooms,
      heartbeat_s: this.heartbeat,
      limits: {
        frame_bytes: 65536,
        content: 4000,
        attachments: 10,
        upload_bytes: 10485760,
        watched: 200,
        send_burst: 50,
        sends_per_s: 5,
      },
    });
  }

  async #answer(asked: Asked): Promise<Answer> {
    const route = this.#routes.get(`${asked.method} ${asked.path}`);
    return route ? await route(asked) : problem(404, "not_found");
  }

  #tokens(): Answer {
    this.tokens += 1;
    return {
      status: 200,
      json: {
        access_token: `access-${this.tokens}`,
        refresh_token: `refresh-${this.tokens}`,
        token_type: "Bearer",
        expires_in: this.expiresIn,
        user: SARA,
      },
    };
  }
}

async function read(request: IncomingMessage): Promise<Asked> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(chunk);
  }
  const url = new URL(request.url ?? "/", "http://localhost");
  const text = Buffer.concat(chunks).toString();
  return {
    method: request.method ?? "",
    path: decodeURIComponent(url.pathname),
    query: url.searchParams,
    token: request.headers.authorization?.replace("Bearer ", "") ?? null,
    body: text.startsWith("{") ? JSON.parse(text) : {},
  };
}

export function problem(status: number, code: string, more: object = {}): Answer {
  return { status, json: { type: `urn:chapar:problem:${code}`, title: code, status, detail: code, code, ...more } };
}

/** A room of Sara's, as `ready` tells it. */
export function readyRoom(id: number, seq: number, number = seq): Ready["rooms"][number] {
  return {
    id,
    kind: "public",
    name: `room ${id}`,
    slug: `room-${id}`,
    seq,
    number,
    read_number: number,
    role: "member",
  };
}

export function roomView(id: number, seq: number, number = seq): RoomView {
  return {
    ...{ id, kind: "public", name: `room ${id}`, slug: `room-${id}`, description: "", seq, number, member_count: 2 },
    created_at: "2026-01-01T00:00:00.000000Z",
    me: { role: "member", read_number: number, muted: false },
  };
}

/** A message whose number, id and position are all the same, unless `more` says otherwise. */
export function message(room: number, number: number, more: Partial<Message> = {}): Message {
  return {
    ...{ id: number, room, seq: number, changed_seq: number, number, sender: ALI, content: `message ${number}` },
    ...{ nonce: null, reply_to: null, attachments: [], reactions: [], edited_at: null, deleted_at: null },
    created_at: `2026-01-01T00:00:00.${String(number).padStart(6, "0")}Z`,
    ...more,
  };
}

/**
 * Waits until something holds, for 20 seconds of real time at most, whatever the timers of the test are: what comes over
 * a socket comes between two turns of the event loop.
 */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > deadline) {
      throw new Error(`never came: ${what}`);
    }
    await turn();
  }
}

/** Lets everything happen that is under way between two ends of local sockets. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 30; round += 1) {
    await turn();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Makes time stand still until a test moves it, and chance always the same, so that a backoff is half of its longest.
 * Not node:test's own timers: in Node 20 clearing one that has fired takes another one away.
 */
export function stopTime(t: TestContext): { pass(ms: number): Promise<void> } {
  const clock = { now: Date.now() };
  const timers = new Set<Timer>();
  const start =
    (isRepeated: boolean) =>
    (call: (...values: unknown[]) => void, ms = 0, ...values: unknown[]) => {
      const timer = new Timer(clock.now + ms, isRepeated ? ms : null, () => call(...values));
      timers.add(timer);
      return timer;
    };
  // What was set before time stood still is real.
  const { clearTimeout: clearReal } = globalThis;
  const clear = (timer: unknown) => (timer instanceof Timer ? void timers.delete(timer) : clearReal(timer as never));
  const replace = (name: "setTimeout" | "setInterval" | "clearTimeout" | "clearInterval", by: unknown) => {
    t.mock.method(globalThis, name, by as never);
  };
  replace("setTimeout", start(false));
  replace("setInterval", start(true));
  replace("clearTimeout", clear);
  replace("clearInterval", clear);
  t.mock.method(Date, "now", () => clock.now);
  t.mock.method(Math, "random", () => 0.5);
  return {
    async pass(ms) {
      const end = clock.now + ms;
      for (;;) {
        const [timer] = [...timers].sort((one, other) => one.at - other.at);
        if (timer === undefined || timer.at > end) {
          break;
        }
        clock.now = Math.max(clock.now, timer.at);
        if (timer.every === null) {
          timers.delete(timer);
        } else {
          timer.at += timer.every;
        }
        timer.call();
        // What it starts may set the next one.
        await turn();
      }
      clock.now = end;
      await settle();
    },
  };
}

/** As much of Node's `Timeout` as its own `fetch` uses. */
class Timer {
  constructor(
    public at: number,
    readonly every: number | null,
    readonly call: () => void,
  ) {}

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  refresh(): this {
    return this;
  }
}
