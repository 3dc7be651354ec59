import type { User } from "@chapar/sdk";
import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useEffect } from "preact/hooks";

import { meet } from "../state/live";
import { client, me } from "../state/session";
import { explain } from "../state/ui";
import { text } from "../text";
import { Avatar, Field, Name, Spinner } from "../ui/parts";

/** After the last key, in milliseconds. */
const PAUSE_MS = 250;

/** Finds people by name. */
export function PeoplePicker({
  label,
  onPick,
  without = [],
}: {
  label: string;
  onPick: (user: User) => void;
  without?: readonly number[];
}): JSX.Element {
  const t = text.value;
  const query = useSignal("");
  const found = useSignal<readonly User[] | null>(null);
  const failure = useSignal<unknown>(null);
  const wanted = query.value.trim();
  useEffect(() => {
    const stop = new AbortController();
    failure.value = null;
    if (!wanted) {
      found.value = null;
      return;
    }
    const timer = setTimeout(async () => {
      try {
        const { items } = await client().rest.users({ q: wanted, limit: 30, signal: stop.signal });
        meet(items);
        found.value = items.filter(({ id }) => id !== me.peek()?.id);
      } catch (error) {
        if (!stop.signal.aborted) {
          failure.value = error;
        }
      }
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [wanted]);

  const shown = found.value?.filter(({ id }) => !without.includes(id));
  return (
    <div class="stack tight">
      <Field
        label={label}
        type="search"
        autocomplete="off"
        value={query.value}
        onInput={(event) => {
          query.value = event.currentTarget.value;
        }}
      />
      {failure.value ? (
        <p class="error-box" role="alert">
          {explain(failure.value)}
        </p>
      ) : !wanted ? (
        <p class="field hint">{t.searchPeopleHint}</p>
      ) : !shown ? (
        <Spinner />
      ) : shown.length === 0 ? (
        <p role="status">{t.nobody}</p>
      ) : (
        <ul>
          {shown.map((user) => (
            <li key={user.id}>
              <button type="button" class="line" onClick={() => onPick(user)}>
                <PersonFace user={user} />
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** Somebody's picture and names, with what else stands there. */
export function PersonFace({
  user,
  below,
  isOnline = false,
  children,
}: {
  user: User;
  below?: ComponentChildren;
  isOnline?: boolean;
  children?: ComponentChildren;
}): JSX.Element {
  return (
    <>
      <Avatar of={{ id: user.id, name: user.display_name, url: user.avatar_url }} size="small" isOnline={isOnline} />
      <span class="grow cuts">
        <Name>{user.display_name}</Name>
        <small>{below ?? <bdi>@{user.username}</bdi>}</small>
      </span>
      {children}
    </>
  );
}
