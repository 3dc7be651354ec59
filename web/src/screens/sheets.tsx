import type { RoomView, User } from "@chapar/sdk";
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { question } from "../state/ask";
import { go } from "../state/route";
import { client } from "../state/session";
import { explain, fieldErrors, sheet } from "../state/ui";
import { text } from "../text";
import { digits } from "../text/format";
import { Avatar, Blank, Field, Name, Segments, Sheet, Spinner } from "../ui/parts";
import { SearchField } from "../ui/search";
import { writeTo } from "./info";
import { roomName, roomPicture } from "./names";
import { PeoplePicker } from "./people";

const close = () => {
  sheet.value = null;
};

/** What stands over the page, if anything. */
export function Sheets(): JSX.Element {
  const t = text.value;
  return (
    <>
      {sheet.value === "new-room" && <NewRoom />}
      {sheet.value === "discover" && <Discover />}
      {sheet.value === "new-chat" && (
        <Sheet title={t.newChat} onClose={close}>
          <PeoplePicker
            label={t.searchPeople}
            onPick={(user) => {
              close();
              void writeTo(user);
            }}
          />
        </Sheet>
      )}
      {sheet.value === "keyboard" && <Keyboard />}
      {question.value && <Confirm />}
    </>
  );
}

function Confirm(): JSX.Element | null {
  const asked = question.value;
  const ref = useRef<HTMLButtonElement>(null);
  useEffect(() => ref.current?.focus(), []);
  return (
    asked && (
      <Sheet title={asked.title} onClose={() => asked.answer(false)}>
        <div class="actions">
          <button type="button" class="button quiet" onClick={() => asked.answer(false)}>
            {text.value.cancel}
          </button>
          <button type="button" class="button danger" ref={ref} onClick={() => asked.answer(true)}>
            {asked.yes}
          </button>
        </div>
      </Sheet>
    )
  );
}

function NewRoom(): JSX.Element {
  const t = text.value;
  const kind = useSignal<"public" | "private">("public");
  const members = useSignal<readonly User[]>([]);
  const failure = useSignal<unknown>(null);
  const isBusy = useSignal(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    isBusy.value = true;
    failure.value = null;
    try {
      const made = await client().rest.createRoom({
        kind: kind.value,
        name: String(form.get("name")).trim(),
        description: String(form.get("description")).trim(),
        members: members.value.map(({ id }) => id),
      });
      client().rooms.put(made);
      close();
      go({ at: "room", room: made.id });
    } catch (error) {
      failure.value = error;
    } finally {
      isBusy.value = false;
    }
  };
  const errors = fieldErrors(failure.value);
  return (
    <Sheet title={t.newRoom} onClose={close}>
      <form class="stack" onSubmit={submit}>
        <Segments
          label={t.roomKind}
          value={kind.value}
          options={[
            ["public", t.public],
            ["private", t.private],
          ]}
          onPick={(value) => {
            kind.value = value;
          }}
        />
        <p class="field hint">{kind.value === "public" ? t.publicHint : t.privateHint}</p>
        <Field
          label={t.roomName}
          hint={kind.value === "public" ? t.roomNameHint : undefined}
          isOptional={kind.value !== "public"}
          name="name"
          required={kind.value === "public"}
          maxLength={100}
          autocomplete="off"
          errors={errors.name ?? errors.slug}
        />
        <Field
          label={t.description}
          isOptional
          name="description"
          maxLength={500}
          autocomplete="off"
          errors={errors.description}
        />
        {members.value.length > 0 && (
          <ul class="row-of">
            {members.value.map((user) => (
              <li key={user.id}>
                <button
                  type="button"
                  class="button quiet small"
                  onClick={() => {
                    members.value = members.value.filter(({ id }) => id !== user.id);
                  }}
                >
                  <Name>{user.display_name}</Name> ×
                </button>
              </li>
            ))}
          </ul>
        )}
        <PeoplePicker
          label={`${t.addPeople} (${t.optional})`}
          without={members.value.map(({ id }) => id)}
          onPick={(user) => {
            members.value = [...members.value, user];
          }}
        />
        {failure.value !== null && Object.keys(errors).length === 0 && (
          <p class="error-box" role="alert" dir="auto">
            {explain(failure.value)}
          </p>
        )}
        <button type="submit" class="button" disabled={isBusy.value}>
          {t.create}
        </button>
      </form>
    </Sheet>
  );
}

function Discover(): JSX.Element {
  const t = text.value;
  const query = useSignal("");
  const rooms = useSignal<readonly RoomView[] | null>(null);
  const next = useSignal<string | null>(null);
  const failure = useSignal<unknown>(null);
  const wanted = query.value.trim();
  const load = async (cursor: string | null, signal?: AbortSignal) => {
    try {
      failure.value = null;
      const page = await client().rest.discover({ q: wanted || undefined, cursor, limit: 30, signal });
      rooms.value = cursor ? [...(rooms.peek() ?? []), ...page.items] : page.items;
      next.value = page.next;
    } catch (error) {
      if (!signal?.aborted) {
        failure.value = error;
      }
    }
  };
  return (
    <Sheet title={t.discover} onClose={close}>
      <SearchField label={t.discoverHint} query={query} search={(_, signal) => load(null, signal)} />
      {failure.value ? (
        <p class="error-box" role="alert">
          {explain(failure.value)}
        </p>
      ) : !rooms.value ? (
        <div class="blank">
          <Spinner />
        </div>
      ) : rooms.value.length === 0 ? (
        <Blank icon="compass" title={wanted ? t.noMatch : t.noPublicRooms} />
      ) : (
        <ul>
          {rooms.value.map((room) => (
            <li key={room.id}>
              <button
                type="button"
                class="line"
                onClick={() => {
                  close();
                  go({ at: "room", room: room.id });
                }}
              >
                <Avatar of={roomPicture(room)} isSquare />
                <span class="grow cuts">
                  <Name>{roomName(room)}</Name>
                  <small>
                    {t.members(room.member_count, digits(room.member_count))}
                    {room.description && (
                      <>
                        {" · "}
                        <bdi>{room.description}</bdi>
                      </>
                    )}
                  </small>
                </span>
              </button>
            </li>
          ))}
        </ul>
      )}
      {next.value !== null && (
        <button type="button" class="button quiet small" onClick={() => void load(next.peek())}>
          {t.moreMembers}
        </button>
      )}
    </Sheet>
  );
}

function Keyboard(): JSX.Element {
  const t = text.value;
  const keys: readonly (readonly [string, string])[] = [
    ["Ctrl K", t.keySearch],
    ["Alt ↓ ↑", t.keyNext],
    ["Tab, ↑ ↓", t.keyMessages],
    ["R", t.keyReply],
    ["E, ↑", t.keyEdit],
    ["Delete", t.keyDelete],
    ["Enter", t.keySend],
    ["Esc", t.keyEscape],
  ];
  return (
    <Sheet title={t.keyboard} onClose={close}>
      <dl class="keys">
        {keys.map(([key, what]) => (
          <>
            <dt>
              <kbd dir="ltr">{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </>
        ))}
      </dl>
    </Sheet>
  );
}
