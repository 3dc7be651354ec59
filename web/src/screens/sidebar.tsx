import type { RoomEntry } from "@chapar/sdk";
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";

import { people, presence, roomList, typing, unreadNotices } from "../state/live";
import { hrefOf, openRoom } from "../state/route";
import { client, me } from "../state/session";
import { explain, panel, sheet } from "../state/ui";
import { text } from "../text";
import { digits, moment, shortTime } from "../text/format";
import { directionOf } from "../text/pieces";
import { Icon, Mark } from "../ui/icons";
import { Avatar, Blank, Failure, IconButton, Menu, MenuItem, Name } from "../ui/parts";
import { isMe, roomName, roomPicture, summary } from "./names";

/** Letters that people type for one another: Arabic and Persian forms of one letter are the same. */
function folded(name: string): string {
  return name
    .normalize("NFKC")
    .replace(/ي/g, "ی")
    .replace(/ك/g, "ک")
    .replace(/\u200c/g, " ")
    .toLocaleLowerCase();
}

/** One's rooms, and the ways to more. */
export function Sidebar(): JSX.Element {
  const wanted = useSignal("");
  const t = text.value;
  const { status, error, rooms } = roomList.value;
  const key = folded(wanted.value.trim());
  const shown = key ? rooms.filter(({ room }) => folded(roomName(room)).includes(key)) : rooms;
  const user = me.value;

  return (
    <nav class="sidebar" aria-label={t.rooms}>
      <header class="bar">
        <h1 class="grow brand">
          <Mark /> {t.appName}
        </h1>
        <IconButton
          icon="bell"
          label={unreadNotices.value ? `${t.notifications} (${digits(unreadNotices.value)})` : t.notifications}
          aria-pressed={panel.value === "notifications"}
          onClick={() => {
            panel.value = panel.value === "notifications" ? null : "notifications";
          }}
        >
          {unreadNotices.value > 0 && <span class="badge" data-count={digits(unreadNotices.value)} />}
        </IconButton>
        <Menu icon="plus" label={t.newThing}>
          <MenuItem icon="compass" onPick={() => (sheet.value = "discover")}>
            {t.discover}
          </MenuItem>
          <MenuItem icon="people" onPick={() => (sheet.value = "new-room")}>
            {t.newRoom}
          </MenuItem>
          <MenuItem icon="chat" onPick={() => (sheet.value = "new-chat")}>
            {t.newChat}
          </MenuItem>
        </Menu>
        {user && (
          <button
            type="button"
            class="icon-button"
            aria-label={t.profile}
            title={t.profile}
            aria-pressed={panel.value === "profile"}
            onClick={() => {
              panel.value = panel.value === "profile" ? null : "profile";
            }}
          >
            <Avatar of={{ id: user.id, name: user.display_name, url: user.avatar_url }} size="small" />
          </button>
        )}
      </header>
      <div class="search" role="search">
        <Icon name="search" />
        <input
          class="input"
          id="search"
          type="search"
          dir="auto"
          placeholder={t.searchRooms}
          aria-label={t.searchRooms}
          value={wanted.value}
          onInput={(event) => {
            wanted.value = event.currentTarget.value;
          }}
          onKeyDown={(event) => {
            if (event.key === "ArrowDown" || event.key === "Enter") {
              event.preventDefault();
              document.querySelector<HTMLElement>(".room-item")?.focus();
            }
          }}
        />
      </div>
      <div class="scroll">
        {status === "failed" && rooms.length === 0 ? (
          <Failure detail={explain(error)} onRetry={() => void client().rooms.load()} />
        ) : status !== "ready" && rooms.length === 0 ? (
          <Bones />
        ) : rooms.length === 0 ? (
          <Blank icon="chat" title={t.noRooms}>
            <p>{t.noRoomsHint}</p>
            <button type="button" class="button quiet small" onClick={() => (sheet.value = "discover")}>
              {t.discover}
            </button>
            <button type="button" class="button quiet small" onClick={() => (sheet.value = "new-chat")}>
              {t.newChat}
            </button>
          </Blank>
        ) : shown.length === 0 ? (
          <Blank icon="search" title={t.noMatch} />
        ) : (
          <ul class="rooms" onKeyDown={walk}>
            {shown.map((entry) => (
              <li key={entry.room.id}>
                <RoomItem entry={entry} />
              </li>
            ))}
          </ul>
        )}
      </div>
    </nav>
  );
}

/** Arrow keys go through the list. */
function walk(event: KeyboardEvent): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    const items = [...document.querySelectorAll<HTMLElement>(".room-item")];
    const next = items[items.indexOf(document.activeElement as HTMLElement) + step];
    event.preventDefault();
    (next ?? document.querySelector<HTMLElement>("#search"))?.focus();
  }
}

function RoomItem({ entry: { room, latest, unread } }: { entry: RoomEntry }): JSX.Element {
  const t = text.value;
  const name = roomName(room);
  const isMuted = room.me?.muted ?? false;
  const typists = typing.value.get(room.id)?.filter((user) => !isMe(user)) ?? [];
  const typist = typists[0] === undefined ? undefined : people.value.get(typists[0]);
  const at = latest && new Date(latest.created_at);
  const said = latest ? summary(latest) : "";
  const line = latest && isMe(latest.sender.id) ? t.youSaid(said) : said;
  return (
    <a
      class={`room-item${unread > 0 && !isMuted ? " unread" : ""}`}
      href={hrefOf({ at: "room", room: room.id })}
      aria-current={openRoom.value === room.id ? "page" : undefined}
      data-room={room.id}
    >
      <Avatar
        of={roomPicture(room)}
        isSquare={room.kind !== "direct"}
        isOnline={room.peer ? presence.value.get(room.peer.id)?.online === true : false}
      />
      <span class="name">
        {room.kind === "private" && <Icon name="lock" small />}
        <bdi>{name}</bdi>
        {isMuted && (
          <>
            <Icon name="bellOff" small />
            <span class="heard">{t.muted}</span>
          </>
        )}
      </span>
      {at ? (
        <time class="when" dateTime={latest.created_at} title={moment(at)}>
          {shortTime(at)}
        </time>
      ) : (
        <span />
      )}
      {typists.length > 0 ? (
        <span class="latest live cut">
          {typists.length > 1 || !typist ? t.typingMany : t.typingOne(`\u2068${typist.display_name}\u2069`)}
        </span>
      ) : (
        <span class="latest cuts">
          <span dir={directionOf(said)}>
            {latest && room.kind !== "direct" && !isMe(latest.sender.id) && !latest.deleted_at && (
              <>
                <Name>{latest.sender.display_name}</Name>:{" "}
              </>
            )}
            {line}
          </span>
        </span>
      )}
      {unread > 0 ? (
        <span class={`badge count${isMuted ? " muted" : ""}`}>
          <span aria-hidden="true">{digits(unread)}</span>
          <span class="heard">{t.unread(unread, digits(unread))}</span>
        </span>
      ) : (
        <span />
      )}
    </a>
  );
}

function Bones(): JSX.Element {
  return (
    <div class="rooms" role="status" aria-label={text.value.loading}>
      {[0.5, 0.7, 0.4, 0.6, 0.5].map((width, index) => (
        <div class="room-item" key={index}>
          <span class="avatar bone" />
          <span class="bone" style={{ inlineSize: `${width * 100}%`, blockSize: "0.75rem" }} />
          <span />
          <span class="bone" style={{ inlineSize: `${90 - width * 40}%`, blockSize: "0.625rem" }} />
        </div>
      ))}
    </div>
  );
}
