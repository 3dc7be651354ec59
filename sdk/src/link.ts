import type { ServerFrame } from "./generated/socket.js";

/** As much of a WebSocket as is needed: the browser's, Node's from version 22 on, and that of the `ws` package fit. */
export interface WebSocketLike {
  onopen: { handle(event: unknown): void }["handle"] | null;
  onmessage: { handle(event: { data: unknown }): void }["handle"] | null;
  onclose: { handle(event: { code: number }): void }["handle"] | null;
  onerror: { handle(event: unknown): void }["handle"] | null;
  send(text: string): void;
  close(code?: number): void;
}

/** Makes a {@link WebSocketLike}. */
export type WebSocketConstructor = new (url: string) => WebSocketLike;

/** What a link tells. After `close` it tells nothing more. */
export interface LinkHandler {
  /** The first frame. */
  hello(): string;
  frame(frame: ServerFrame): void;
  /** Once, unless it was {@link Link.close} that ended it. 1006 where there is no code. */
  closed(code: number): void;
}

/**
 * One socket from its opening to its end.
 *
 * @internal
 */
export class Link {
  readonly #WebSocket: WebSocketConstructor;
  readonly #url: string;
  readonly #handler: LinkHandler;
  #socket: WebSocketLike | null = null;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  constructor(socket: WebSocketConstructor, url: string, handler: LinkHandler) {
    this.#WebSocket = socket;
    this.#url = url;
    this.#handler = handler;
  }

  /** @param withinMs - longest time to the server's first frame */
  open(withinMs: number): void {
    this.#deadline = setTimeout(() => this.#over(1006), withinMs);
    let socket: WebSocketLike;
    try {
      socket = new this.#WebSocket(this.#url);
    } catch {
      // An address that the browser does not allow; told later, as every end is.
      queueMicrotask(() => this.#over(1006));
      return;
    }
    this.#socket = socket;
    socket.onopen = () => {
      if (!this.#isOver) {
        this.send(this.#handler.hello());
      }
    };
    socket.onmessage = ({ data }) => {
      if (this.#isOver) {
        return;
      }
      const frame = parse(data);
      if (frame) {
        clearTimeout(this.#deadline);
        this.#handler.frame(frame);
      }
    };
    socket.onclose = ({ code }) => this.#over(code);
    // `close` follows.
    socket.onerror = () => {};
  }

  send(frame: string): void {
    try {
      this.#socket?.send(frame);
    } catch {
      // Not open any more: its end is told soon, if it was not yet.
    }
  }

  /** Ends it quietly. */
  close(): void {
    this.#isOver = true;
    clearTimeout(this.#deadline);
    this.#closeSocket();
  }

  #over(code: number): void {
    if (!this.#isOver) {
      this.close();
      this.#handler.closed(code || 1006);
    }
  }

  #closeSocket(): void {
    try {
      this.#socket?.close(1000);
    } catch {
      // Closed already.
    }
  }
}

function parse(data: unknown): ServerFrame | null {
  try {
    const frame: unknown = JSON.parse(String(data));
    return typeof frame === "object" && frame !== null && "op" in frame ? (frame as ServerFrame) : null;
  } catch {
    return null;
  }
}
