/** Waits. Rejects with the signal's reason once that is aborted. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    function stop(): void {
      clearTimeout(timer);
      reject(signal?.reason);
    }
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** Longest wait between two attempts. */
export const MAX_BACKOFF_MS = 30_000;

/**
 * How long to wait before an attempt: a random time up to one second at first, doubled with each failure up to
 * {@link MAX_BACKOFF_MS}, so that the clients of a node that died do not come back all at once.
 *
 * @param attempt - failures so far, from 0
 */
export function backoff(attempt: number, random: () => number = Math.random): number {
  return random() * Math.min(MAX_BACKOFF_MS, 1000 * 2 ** Math.min(attempt, 15));
}
