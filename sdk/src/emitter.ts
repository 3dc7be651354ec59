/** Stops listening. May be called again. */
export type Unsubscribe = () => void;

/** Calls listeners. One that throws does not keep the others from hearing; its error is reported as uncaught. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>();

  /** Listens to one kind of event. */
  on<Type extends keyof Events>(type: Type, listener: (value: Events[Type]) => void): Unsubscribe {
    let listeners = this.#listeners.get(type);
    if (!listeners) {
      listeners = new Set();
      this.#listeners.set(type, listeners);
    }
    // A wrapper, so that one function may listen twice and each `on` is undone by its own answer.
    const entry = (value: never) => listener(value);
    listeners.add(entry);
    return () => listeners.delete(entry);
  }

  /** Listens to the next event of one kind. */
  once<Type extends keyof Events>(type: Type, listener: (value: Events[Type]) => void): Unsubscribe {
    const stop = this.on(type, (value) => {
      stop();
      listener(value);
    });
    return stop;
  }

  protected emit<Type extends keyof Events>(type: Type, value: Events[Type]): void {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) {
      call(listener as (value: Events[Type]) => void, value);
    }
  }
}

/**
 * A value that changes and can be watched, in the form that UI libraries take (`useSyncExternalStore` and its like):
 * `getSnapshot` gives the same object until something changed. Both functions may be passed around without `this`.
 */
export class Watchable<Snapshot> {
  readonly #listeners = new Set<() => void>();
  #snapshot: Snapshot;

  constructor(initial: Snapshot) {
    this.#snapshot = initial;
  }

  /** Calls `listener` after each change. */
  readonly subscribe = (listener: () => void): Unsubscribe => {
    const entry = () => listener();
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  };

  /** What holds now. Never changed in place. */
  readonly getSnapshot = (): Snapshot => this.#snapshot;

  protected publish(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    for (const listener of [...this.#listeners]) {
      call(listener, undefined);
    }
  }
}

function call<Value>(listener: (value: Value) => void, value: Value): void {
  try {
    listener(value);
  } catch (error) {
    // As a DOM event target does: the one who listened has the fault, not the one who told.
    queueMicrotask(() => {
      throw error;
    });
  }
}
