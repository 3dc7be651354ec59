import type { Unsubscribe } from "./emitter.js";

/** What a browser tells of its network and of the page. */
export interface PageHandler {
  /** There is a network again, or so the browser says. */
  online(): void;
  offline(): void;
  /** The page is looked at again. */
  shown(): void;
}

/** Hears from the browser; from nothing in Node. */
export function listenToPage({ online, offline, shown }: PageHandler): Unsubscribe {
  if (typeof addEventListener !== "function") {
    return () => {};
  }
  const page = typeof document === "undefined" ? null : document;
  const changed = () => {
    if (page?.visibilityState === "visible") {
      shown();
    }
  };
  addEventListener("online", online);
  addEventListener("offline", offline);
  page?.addEventListener("visibilitychange", changed);
  return () => {
    removeEventListener("online", online);
    removeEventListener("offline", offline);
    page?.removeEventListener("visibilitychange", changed);
  };
}

/** Whether the browser says that there is no network. */
export function isOffline(): boolean {
  return globalThis.navigator?.onLine === false;
}
