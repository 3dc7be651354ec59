import { computed, effect, signal } from "@preact/signals";

import { en } from "./en";
import { fa } from "./fa";

export type { Text } from "./en";

/** The languages of the client. */
export type Language = "fa" | "en";

const KEY = "chapar.language";
const TEXTS = { fa, en };

function preferred(): Language {
  const chosen = localStorage.getItem(KEY);
  if (chosen === "fa" || chosen === "en") {
    return chosen;
  }
  // The first of the two that the browser names.
  const known = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag === "fa" || tag === "en");
  return known === "en" ? "en" : "fa";
}

/** The language in use. */
export const language = signal<Language>(preferred());

/** All texts in the language in use. */
export const text = computed(() => TEXTS[language.value]);

/** Changes the language and keeps the choice. */
export function speak(chosen: Language): void {
  localStorage.setItem(KEY, chosen);
  language.value = chosen;
}

/** Keeps the document's language, direction and title in step. */
export function applyLanguage(): void {
  effect(() => {
    document.documentElement.lang = language.value;
    document.documentElement.dir = language.value === "fa" ? "rtl" : "ltr";
  });
}
