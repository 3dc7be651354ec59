// What a client received, in order, and waiting for it with a deadline. Nothing is ever taken out, so that a test can
// say at its end what came and that nothing else did.

/** Longer than anything that a test waits for takes on a busy machine. */
export const PATIENCE_MS = 20_000;

const MAX_TOLD = 12;

export class Inbox {
  /** Everything so far, the oldest first. */
  items = [];
  #waiting = new Set();

  /** @param owner whose it is, for messages */
  constructor(owner) {
    this.owner = owner;
  }

  put(item) {
    this.items.push(item);
    for (const look of [...this.#waiting]) look();
  }

  /** The first item, old or new, for which `matches` holds. `what` says what is waited for. */
  find(what, matches) {
    return this.when(what, (items) => items.find(matches));
  }

  /** What `condition` returns of all items, as soon as that is truthy. */
  when(what, condition) {
    const now = condition(this.items);
    if (now) return Promise.resolve(now);
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = condition(this.items);
        if (found) done(() => resolve(found));
      };
      const done = (end) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        end();
      };
      const timer = setTimeout(() => done(() => reject(new Error(this.#missing(what)))), PATIENCE_MS);
      this.#waiting.add(look);
    });
  }

  #missing(what) {
    const told = this.items.slice(-MAX_TOLD).map((item) => `  ${JSON.stringify(item)?.slice(0, 300)}`);
    const count = `${this.items.length} items, the last ones:`;
    return [`${this.owner} waited ${PATIENCE_MS} ms for ${what}; ${count}`, ...told].join("\n");
  }
}

/** Asks again and again until `check` gives something truthy: for what holds within a time, as a cache allows it. */
export async function eventually(what, check) {
  const deadline = Date.now() + PATIENCE_MS;
  while (Date.now() < deadline) {
    const found = await check();
    if (found) return found;
  }
  throw new Error(`waited ${PATIENCE_MS} ms for ${what}`);
}

/** `promise`, or an error that names `what` after the patience. */
export async function inTime(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${PATIENCE_MS} ms for ${what}`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
