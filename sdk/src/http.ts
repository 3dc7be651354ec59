import { ChaparError, NetworkError, ProblemError, TimeoutError } from "./errors.js";

/** What a request carries. */
export interface RequestParts {
  /** An access token. */
  token?: string | undefined;
  query?: Record<string, string | number | null | undefined> | undefined;
  /** Sent as JSON. */
  body?: object | undefined;
  /** Sent as it is, instead of `body`. */
  form?: FormData | undefined;
  signal?: AbortSignal | undefined;
  /** Longest time for all of it, in milliseconds. */
  timeoutMs?: number | undefined;
}

/** Plain requests to one server: JSON in, JSON out, problems as errors. Knows nothing of who is signed in. */
export class Http {
  readonly base: URL;
  /** What `Accept-Language` says; `undefined` leaves it to the browser. */
  language: string | undefined;
  readonly #fetch: typeof fetch;
  readonly #timeoutMs: number;

  constructor(base: URL, fetcher: typeof fetch, timeoutMs: number, language: string | undefined) {
    this.base = base;
    this.#fetch = fetcher;
    this.#timeoutMs = timeoutMs;
    this.language = language;
  }

  /** The full address of a path of the server. */
  url(path: string, query: RequestParts["query"] = {}): URL {
    // The base may have a path of its own.
    const url = new URL(this.base.pathname.replace(/\/$/, "") + path, this.base);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== null) {
        url.searchParams.set(name, String(value));
      }
    }
    return url;
  }

  /** The headers of a request, its content type apart. */
  headers(token: string | undefined): Record<string, string> {
    return {
      Accept: "application/json",
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...(this.language === undefined ? {} : { "Accept-Language": this.language }),
    };
  }

  /**
   * Sends a request and reads the answer.
   *
   * @returns the JSON of the answer; `undefined` for 204
   * @throws ProblemError - the server said no
   * @throws NetworkError - it could not be reached, or what answered is no Chapar server
   * @throws TimeoutError - no answer in time
   */
  async send<Answer>(method: string, path: string, parts: RequestParts = {}): Promise<Answer> {
    const { body, form, signal } = parts;
    signal?.throwIfAborted();
    const headers = this.headers(parts.token);
    if (body) {
      headers["Content-Type"] = "application/json";
    }
    const deadline = new AbortController();
    const ms = parts.timeoutMs ?? this.#timeoutMs;
    const timer = setTimeout(() => deadline.abort(new TimeoutError(`no answer within ${ms} ms`)), ms);
    const stop = () => deadline.abort(signal?.reason);
    signal?.addEventListener("abort", stop, { once: true });
    try {
      const response = await this.#fetch(this.url(path, parts.query), {
        method,
        headers,
        // Who calls is told by the token alone.
        credentials: "omit",
        cache: "no-store",
        signal: deadline.signal,
        ...(body ? { body: JSON.stringify(body) } : form ? { body: form } : {}),
      });
      const text = await response.text();
      return read<Answer>(response.status, text, response.headers.get("Retry-After"));
    } catch (error) {
      if (deadline.signal.aborted) {
        throw deadline.signal.reason;
      }
      throw error instanceof ChaparError ? error : new NetworkError(`cannot reach ${this.base.host}`, { cause: error });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
  }
}

/** Makes an answer, or an error, of what came. */
export function read<Answer>(status: number, text: string, retryAfter: string | null): Answer {
  if (status === 204) {
    return undefined as Answer;
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    if (status < 400) {
      throw new NetworkError("the answer is not JSON", { cause: error });
    }
  }
  if (status >= 200 && status < 300) {
    return json as Answer;
  }
  throw problem(status, json, retryAfter);
}

function problem(status: number, json: unknown, retryAfter: string | null): ChaparError {
  const retryAfterMs = retryAfter !== null && /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : undefined;
  if (typeof json === "object" && json !== null && "code" in json && typeof json.code === "string") {
    const { code, detail, title, errors } = json as Record<string, unknown> & { code: string };
    return new ProblemError({
      code,
      status,
      detail: String(detail ?? title ?? code),
      errors: errors as Record<string, string[]> | undefined,
      retryAfterMs,
    });
  }
  // A balancer between us and the server has its own words, and what it says passes.
  return status >= 500 || status === 429
    ? new ProblemError({ code: "unavailable", status, detail: `HTTP ${status}`, retryAfterMs })
    : new NetworkError(`HTTP ${status} without a problem`);
}
