import { isTemporary, NetworkError, ProblemError, TimeoutError } from "@chapar/sdk";
import { effect, signal } from "@preact/signals";

import { text } from "../text";
import { digits } from "../text/format";

/** Light, dark, or as the system is. */
export type Theme = "system" | "light" | "dark";
const THEME_KEY = "chapar.theme";

/** The chosen theme. */
export const theme = signal<Theme>((localStorage.getItem(THEME_KEY) as Theme | null) ?? "system");

/** Changes the theme and keeps the choice. */
export function paint(chosen: Theme): void {
  localStorage.setItem(THEME_KEY, chosen);
  theme.value = chosen;
}

/** Keeps the document's theme in step. */
export function applyTheme(): void {
  effect(() => {
    document.documentElement.dataset.theme = theme.value;
  });
}

/** What stands over the page. */
export type SheetName = "new-room" | "new-chat" | "discover" | "keyboard";
export const sheet = signal<SheetName | null>(null);

/** What stands beside the conversation. */
export type PanelName = "info" | "profile" | "notifications";
export const panel = signal<PanelName | null>(null);

/** A short word at the edge of the page. */
export interface Toast {
  id: number;
  kind: "word" | "bad" | "message";
  title: string;
  detail?: string | undefined;
  href?: string | undefined;
}

/** Those that are shown. */
export const toasts = signal<readonly Toast[]>([]);
const TOAST_MS = 6000;
const MAX_TOASTS = 4;
let nextToast = 1;

/** Says something for a few seconds. */
export function say(toast: Omit<Toast, "id">): void {
  const id = nextToast;
  nextToast += 1;
  toasts.value = [...toasts.peek(), { ...toast, id }].slice(-MAX_TOASTS);
  setTimeout(() => unsay(id), TOAST_MS);
}

/** Takes it away. */
export function unsay(id: number): void {
  toasts.value = toasts.peek().filter((toast) => toast.id !== id);
}

/** What went wrong, for people. The server's own words where it has any: they are in the page's language. */
export function explain(error: unknown): string {
  if (error instanceof ProblemError) {
    return error.code === "rate_limited" && error.retryAfterMs
      ? text.value.tooManyTries(digits(Math.ceil(error.retryAfterMs / 1000)))
      : error.detail;
  }
  if (error instanceof TimeoutError) {
    return text.value.slow;
  }
  return error instanceof NetworkError || isTemporary(error) ? text.value.noServer : text.value.wentWrong;
}

/** Says what went wrong. */
export function complain(error: unknown): void {
  if (!(error instanceof DOMException && error.name === "AbortError")) {
    say({ kind: "bad", title: explain(error) });
  }
}

const TAKEN: Readonly<Record<string, string>> = {
  username_taken: "username",
  email_taken: "email",
  name_taken: "name",
  slug_taken: "slug",
};

/** What is wrong with each field, where the server said so. */
export function fieldErrors(error: unknown): Readonly<Record<string, readonly string[]>> {
  if (!(error instanceof ProblemError)) {
    return {};
  }
  const field = TAKEN[error.code];
  return field ? { [field]: [error.detail] } : error.errors;
}
