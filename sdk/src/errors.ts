/**
 * What can go wrong. Every error of this library is a {@link ChaparError}; decide by its class and, where the server
 * said no, by `code`. An aborted request rejects with the signal's reason, as `fetch` does.
 *
 * @module
 */

import type { ErrorCode } from "./types.js";

/** The root of all errors of this library. */
export class ChaparError extends Error {
  override name = "ChaparError";
}

/** The server refused: a `problem+json` answer (RFC 9457) or the error reply of a command. */
export class ProblemError extends ChaparError {
  override name = "ProblemError";
  /** The stable word to decide by, such as `username_taken`. */
  readonly code: ErrorCode;
  /** The HTTP status; `undefined` for replies on the socket. */
  readonly status: number | undefined;
  /** For people, in the language asked for. */
  readonly detail: string;
  /** For `invalid`: what is wrong with which field. */
  readonly errors: Readonly<Record<string, readonly string[]>>;
  /** When to try again, in milliseconds; `undefined` where the server did not say. */
  readonly retryAfterMs: number | undefined;

  constructor(problem: {
    code: ErrorCode;
    detail: string;
    status?: number | undefined;
    errors?: Record<string, string[]> | undefined;
    retryAfterMs?: number | undefined;
  }) {
    super(`${problem.code}: ${problem.detail}`);
    this.code = problem.code;
    this.status = problem.status;
    this.detail = problem.detail;
    this.errors = problem.errors ?? {};
    this.retryAfterMs = problem.retryAfterMs;
  }

  /** Whether the same request may succeed later: the server was busy, or does not know the outcome. */
  get isTemporary(): boolean {
    return TEMPORARY.has(this.code) || (this.status !== undefined && this.status >= 500);
  }
}

const TEMPORARY: ReadonlySet<string> = new Set(["rate_limited", "unavailable", "internal"]);

/** The server could not be reached, or its answer could not be read. The outcome of a change is not known. */
export class NetworkError extends ChaparError {
  override name = "NetworkError";
}

/** No answer in time. The outcome of a change is not known. */
export class TimeoutError extends ChaparError {
  override name = "TimeoutError";
}

/** The socket was closed, or is not open, before the command was answered. The outcome is not known. */
export class ConnectionError extends ChaparError {
  override name = "ConnectionError";
}

/** There is nobody signed in, or the sign-in has ended. */
export class SignedOutError extends ChaparError {
  override name = "SignedOutError";
}

/** Whether trying the same again later makes sense. */
export function isTemporary(error: unknown): boolean {
  return error instanceof ProblemError
    ? error.isTemporary
    : error instanceof NetworkError || error instanceof TimeoutError || error instanceof ConnectionError;
}
