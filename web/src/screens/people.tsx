import type { User } from "@chapar/sdk";
import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";

import { meet } from "../state/live";
import { client, me } from "../state/session";
import { explain } from "../state/ui";
import { text } from "../text";
import { Avatar, Name, Spinner } from "../ui/parts";
import { SearchField } from "../ui/search";

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
  const search = async (q: string, signal: AbortSignal) => {
    failure.value = null;
    if (!q) {
      found.value = null;
      return;
    }
    try {
      const { items } = await client().rest.users({ q, limit: 30, signal });
      meet(items);
      found.value = items.filter(({ id }) => id !== me.peek()?.id);
    } catch (error) {
      if (!signal.aborted) {
        failure.value = error;
      }
    }
  };

  const shown = found.value?.filter(({ id }) => !without.includes(id));
  return (
    <div class="stack tight">
      <SearchField label={label} query={query} search={search} />
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
