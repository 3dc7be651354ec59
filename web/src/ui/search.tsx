import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";

import { Field } from "./parts";

/** After the last key, in milliseconds. */
const PAUSE_MS = 250;

/**
 * A field that searches while one types: a moment after the last key, and at once for nothing. The signal ends with the
 * next search.
 */
export function SearchField({
  label,
  query,
  search,
}: {
  label: string;
  query: Signal<string>;
  search: (wanted: string, signal: AbortSignal) => Promise<void>;
}): JSX.Element {
  const wanted = query.value.trim();
  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(() => void search(wanted, stop.signal), wanted ? PAUSE_MS : 0);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [wanted]);
  return (
    <Field
      label={label}
      type="search"
      autocomplete="off"
      value={query.value}
      onInput={(event) => {
        query.value = event.currentTarget.value;
      }}
    />
  );
}
