/** How long an answer to a probing ping may take, in milliseconds. */
const PROBE_MS = 5_000;

/** What a {@link Watchdog} does with the socket that it watches. */
export interface WatchdogHandler {
  /** Asks the server for a sign of life. */
  ping(): void;
  /** None came: the socket is to be given up. */
  dead(): void;
}

/**
 * Looks whether the server still speaks. Its pings are not shown to scripts in browsers, so a line that was quiet for
 * one heartbeat is asked, and given up after the second.
 *
 * @internal
 */
export class Watchdog {
  readonly #handler: WatchdogHandler;
  #interval: ReturnType<typeof setInterval> | undefined;
  #probe: ReturnType<typeof setTimeout> | undefined;
  #heardAt = 0;

  constructor(handler: WatchdogHandler) {
    this.#handler = handler;
  }

  /** Watches a socket that has just begun. */
  start(heartbeatMs: number): void {
    this.stop();
    this.#heardAt = Date.now();
    this.#interval = setInterval(() => {
      const quiet = Date.now() - this.#heardAt;
      if (quiet >= 2 * heartbeatMs) {
        this.#handler.dead();
      } else if (quiet >= heartbeatMs) {
        this.#handler.ping();
      }
    }, heartbeatMs / 4);
  }

  stop(): void {
    clearInterval(this.#interval);
    this.#endProbe();
  }

  /** The server spoke. */
  heard(): void {
    this.#heardAt = Date.now();
    this.#endProbe();
  }

  /** Asks now, and gives the socket up if nothing comes soon. */
  probe(): void {
    if (this.#probe === undefined) {
      this.#handler.ping();
      this.#probe = setTimeout(() => {
        this.#probe = undefined;
        this.#handler.dead();
      }, PROBE_MS);
    }
  }

  #endProbe(): void {
    clearTimeout(this.#probe);
    this.#probe = undefined;
  }
}
