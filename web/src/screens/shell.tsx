import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";

import { connection, ownRooms, roomList } from "../state/live";
import { go, openRoom, route } from "../state/route";
import { client, me, request } from "../state/session";
import { panel, sheet, toasts, unsay } from "../state/ui";
import { text } from "../text";
import { digits } from "../text/format";
import { Icon } from "../ui/icons";
import { Blank, IconButton } from "../ui/parts";
import { InfoPanel, writeTo } from "./info";
import { NoticesPanel } from "./notices";
import { ProfilePanel } from "./profile";
import { Finder, RoomScreen } from "./room";
import { Sheets } from "./sheets";
import { Sidebar } from "./sidebar";

/** The client once somebody is signed in. */
export function Shell(): JSX.Element {
  const at = route.value;
  useEffect(() => {
    // Places that are panels or sheets: the address opens them, and is the beginning's again.
    if (at.at === "profile" || at.at === "notifications") {
      panel.value = at.at;
      go({ at: "home" }, { replace: true });
    } else if (at.at === "discover") {
      sheet.value = "discover";
      go({ at: "home" }, { replace: true });
    } else if (at.at === "login" || at.at === "register") {
      go({ at: "home" }, { replace: true });
    }
  }, [at]);
  useEffect(() => {
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, []);
  // A panel about a room goes with the room.
  const hasPanel = panel.value !== null && (panel.value !== "info" || openRoom.value !== null);
  const isAtRoom = at.at === "room" || at.at === "group" || at.at === "user";
  return (
    <div
      class={`shell${isAtRoom ? " at-room" : ""}${hasPanel ? " with-panel" : ""}`}
      data-connection={connection.value.status}
    >
      <StatusBar />
      <Sidebar />
      <main class="main">
        <Place />
      </main>
      {panel.value === "info" && openRoom.value !== null && <InfoPanel room={openRoom.value} />}
      {panel.value === "profile" && <ProfilePanel />}
      {panel.value === "notifications" && <NoticesPanel />}
      <Sheets />
      <Toasts />
    </div>
  );
}

function Place(): JSX.Element {
  const t = text.value;
  const at = route.value;
  switch (at.at) {
    case "room":
      return <RoomScreen key={at.room} room={at.room} message={at.message} />;
    case "group":
      return <Finder key={at.slug} find={() => groupOf(at.slug)} />;
    case "user":
      return <Finder key={at.username} find={() => directOf(at.username)} isPerson />;
    default:
      return (
        <Blank icon="chat" title={t.chooseRoom}>
          <p>{t.chooseRoomHint}</p>
        </Blank>
      );
  }
}

/** The room of a slug. */
async function groupOf(slug: string): Promise<number | null> {
  await client().rooms.load();
  const own = roomList.peek().rooms.find(({ room }) => room.slug === slug);
  if (own) {
    return own.room.id;
  }
  const answer = await request(`/chat/group/${encodeURIComponent(slug)}/?limit=1`);
  return answer.ok ? ((await answer.json()) as { group: { id: number } }).group.id : null;
}

/** The direct room with somebody, made if there is none yet. */
async function directOf(username: string): Promise<number | null> {
  const folded = username.toLocaleLowerCase();
  await client().rooms.load();
  const own = roomList.peek().rooms.find(({ room }) => room.peer?.username.toLocaleLowerCase() === folded);
  if (own) {
    return own.room.id;
  }
  const { items } = await client().rest.users({ q: username, limit: 100 });
  const user = items.find((one) => one.username.toLocaleLowerCase() === folded);
  if (!user || user.id === me.peek()?.id) {
    return null;
  }
  await writeTo(user);
  return openRoom.peek();
}

function onKeyDown(event: KeyboardEvent): void {
  if ((event.ctrlKey || event.metaKey) && event.code === "KeyK") {
    event.preventDefault();
    document.querySelector<HTMLElement>("#search")?.focus();
  } else if (event.altKey && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    const rooms = roomList.peek().rooms.map(({ room }) => room.id);
    const here = rooms.indexOf(openRoom.peek() ?? -1);
    const next = rooms[event.key === "ArrowDown" ? here + 1 : Math.max(0, here - 1)];
    if (next !== undefined && ownRooms.peek().has(next)) {
      go({ at: "room", room: next });
    }
  } else if (
    event.key === "Escape" &&
    !event.defaultPrevented &&
    panel.peek() &&
    !document.querySelector("dialog[open]")
  ) {
    panel.value = null;
  }
}

/** Says what the connection is, unless all is well. */
function StatusBar(): JSX.Element {
  const t = text.value;
  const { status, retryAt, isOffline, reason } = connection.value;
  const now = useSignal(Date.now());
  useEffect(() => {
    if (retryAt === null) {
      return;
    }
    now.value = Date.now();
    const timer = setInterval(() => {
      now.value = Date.now();
    }, 500);
    return () => clearInterval(timer);
  }, [retryAt]);
  if (status === "online" || status === "idle") {
    return <div class="heard" role="status" />;
  }
  const seconds = Math.max(1, Math.ceil(((retryAt ?? 0) - now.value) / 1000));
  const word =
    status === "stopped"
      ? reason === "too-many-connections"
        ? t.tooManyTabs
        : t.stopped
      : isOffline
        ? t.offline
        : status === "waiting"
          ? t.reconnectingIn(digits(seconds))
          : t.connecting;
  const mayRetry = status === "waiting" || status === "stopped";
  return (
    <div class={`status-bar${status === "stopped" ? " bad" : ""}`} role="status">
      <Icon name={status === "connecting" ? "clock" : "wifiOff"} small />
      <span>{word}</span>
      {mayRetry && (
        <button
          type="button"
          class="link-button"
          onClick={() =>
            void client()
              .connect()
              .catch(() => {})
          }
        >
          {t.retryNow}
        </button>
      )}
    </div>
  );
}

function Toasts(): JSX.Element {
  return (
    <div class="toasts" role="log" aria-live="polite">
      {toasts.value.map((toast) => (
        <div key={toast.id} class={`toast ${toast.kind}`}>
          {toast.kind === "bad" && <Icon name="alert" />}
          {toast.href ? (
            <a href={toast.href} onClick={() => unsay(toast.id)}>
              <strong dir="auto">{toast.title}</strong>
              <span dir="auto">{toast.detail}</span>
            </a>
          ) : (
            <span dir="auto">{toast.title}</span>
          )}
          <IconButton icon="close" label={text.value.close} onClick={() => unsay(toast.id)} />
        </div>
      ))}
    </div>
  );
}
