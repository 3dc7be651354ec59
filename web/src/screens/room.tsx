import type { Attachment, RoomTimeline, RoomView } from "@chapar/sdk";
import { type ReadonlySignal, type Signal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";

import { ask } from "../state/ask";
import { ownRooms, people, presence, timelineSignal, typing } from "../state/live";
import { go, hrefOf } from "../state/route";
import { client, me } from "../state/session";
import { complain, explain, panel, say } from "../state/ui";
import { text } from "../text";
import { dayName, digits } from "../text/format";
import { Icon } from "../ui/icons";
import { Avatar, Blank, Failure, IconButton, Name, Spinner } from "../ui/parts";
import { type ListHandle, VirtualList } from "../ui/virtual";
import { type About, Composer } from "./composer";
import { type Line, Lines } from "./lines";
import { type MessageActions, MessageRow, OutgoingRow } from "./message";
import { isMe, presenceText, roomName, roomPicture, summary } from "./names";

/** Messages loaded at a time. */
const PAGE = 60;
/** After a page that could not be loaded scrolling asks for none, in milliseconds. */
const PAGE_PAUSE_MS = 5000;

/** A room of one's own, or a public one to look at. */
export function RoomScreen({ room, message }: { room: number; message?: number | undefined }): JSX.Element {
  const visited = useSignal<RoomView | null>(null);
  const failure = useSignal<unknown>(null);
  const own = useComputed(() => ownRooms.value.get(room)?.room);
  const view = own.value ?? visited.value;

  const look = async () => {
    failure.value = null;
    try {
      visited.value = await client().rest.room(room);
    } catch (error) {
      failure.value = error;
    }
  };
  const isKnown = own.value !== undefined;
  useEffect(() => {
    // A room that was just left may still be looked at, if it is public.
    if (!isKnown) {
      visited.value = null;
      void look();
    }
  }, [isKnown]);

  if (view) {
    return (
      <Room
        key={view.me ? "in" : "out"}
        view={view}
        message={message}
        onJoined={(joined) => (visited.value = joined)}
      />
    );
  }
  return (
    <>
      <header class="bar">
        <BackButton />
      </header>
      {failure.value ? (
        <Failure detail={explain(failure.value)} onRetry={() => void look()} />
      ) : (
        <div class="blank">
          <Spinner />
        </div>
      )}
    </>
  );
}

function BackButton(): JSX.Element {
  return (
    <a class="icon-button only-phone" href={hrefOf({ at: "home" })} aria-label={text.value.back}>
      <Icon name="back" turns />
    </a>
  );
}

function Room({
  view,
  message,
  onJoined,
}: {
  view: RoomView;
  message?: number | undefined;
  onJoined: (view: RoomView) => void;
}): JSX.Element {
  const t = text.value;
  const room = view.id;
  const about = useSignal<About>(null);
  const dropped = useSignal<readonly File[]>([]);
  const isDropping = useSignal(false);
  const looked = useSignal<Attachment | null>(null);
  const list = useRef<ListHandle>(null);

  // What was unread when the room was opened; it begins there.
  const opened = useMemo(() => {
    const readNumber = view.me?.read_number ?? null;
    const unread = readNumber === null ? 0 : Math.max(0, view.number - readNumber);
    const around = message ?? (unread > PAGE / 2 ? (readNumber ?? 0) + 1 : undefined);
    const timeline = client().timeline(room, { pageSize: PAGE, ...(around ? { around } : {}) });
    return { timeline, unreadAfter: unread > 0 ? readNumber : null, ...timelineSignal(timeline) };
  }, []);
  const { timeline, snapshot } = opened;
  useEffect(
    () => () => {
      opened.stop();
      timeline.close();
    },
    [],
  );
  useEffect(() => {
    if (message) {
      void timeline.jumpTo(message).then(() => {
        const found = timeline
          .getSnapshot()
          .items.find((item) => item.kind === "message" && item.message.number === message);
        if (found) {
          show(list, found.key);
        }
      });
    }
  }, [message]);

  const mayWrite = view.me !== null;
  const mayManage = view.me?.role === "owner" || view.me?.role === "admin";
  const actions: MessageActions = {
    mayWrite,
    mayRemoveAll: mayManage && view.kind !== "direct",
    find: (id) => timeline.find(id) ?? (snapshot.peek().quoted.has(id) ? null : undefined),
    reply: (to) => (about.value = { kind: "reply", message: to }),
    edit: (to) => (about.value = { kind: "edit", message: to }),
    remove: async (which) => {
      if (await ask(t.deleteSure, t.delete)) {
        client().delete(room, which.id).catch(complain);
      }
    },
    react: (to, emoji, isOn) => {
      timeline.react(to.id, emoji, isOn).catch(complain);
    },
    copy: (from) => {
      navigator.clipboard?.writeText(from.content).then(() => say({ kind: "word", title: t.copied }), complain);
    },
    jump: async (to) => {
      await timeline.jumpTo(to.number);
      const found = timeline.getSnapshot().items.find((item) => item.kind === "message" && item.message.id === to.id);
      if (found) {
        show(list, found.key);
      }
    },
    look: (file) => (looked.value = file),
  };

  const hasFiles = (event: DragEvent) => mayWrite && [...(event.dataTransfer?.types ?? [])].includes("Files");
  const join = async () => {
    try {
      const joined = await client().rest.joinRoom(room);
      client().rooms.put(joined);
      onJoined(joined);
    } catch (error) {
      complain(error);
    }
  };

  return (
    <section
      class="conversation"
      aria-label={roomName(view)}
      onDragOver={(event) => {
        if (hasFiles(event)) {
          event.preventDefault();
          isDropping.value = true;
        }
      }}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) {
          isDropping.value = false;
        }
      }}
      onDrop={(event) => {
        isDropping.value = false;
        if (hasFiles(event)) {
          event.preventDefault();
          dropped.value = [...(event.dataTransfer?.files ?? [])];
        }
      }}
    >
      <RoomBar view={view} />
      <History opened={opened} actions={actions} list={list} about={about} />
      <TypingLine room={room} />
      {mayWrite ? (
        <Composer timeline={timeline} about={about} dropped={dropped} onSent={() => void toLatest(timeline, list)} />
      ) : (
        <div class="composer">
          <div class="join">
            <p>{t.joinLead}</p>
            <button type="button" class="button" onClick={() => void join()}>
              {t.join}
            </button>
          </div>
        </div>
      )}
      {isDropping.value && <div class="drop">{t.dropHere}</div>}
      {looked.value && <LightBox file={looked.value} onClose={() => (looked.value = null)} />}
    </section>
  );
}

async function toLatest(timeline: RoomTimeline, list: { current: ListHandle | null }): Promise<void> {
  await timeline.jumpToLatest().catch(complain);
  list.current?.toEnd();
}

/** Scrolls to a message and lights it up for a moment. */
function show(list: { current: ListHandle | null }, key: string): void {
  list.current?.toKey(key);
  setTimeout(() => {
    const found = document.querySelector(`[data-key="${CSS.escape(key)}"] .message`);
    found?.classList.add("lit");
    setTimeout(() => found?.classList.remove("lit"), 1700);
  }, 100);
}

function afterDrawing(work: () => void): void {
  requestAnimationFrame(() => requestAnimationFrame(work));
}

function RoomBar({ view }: { view: RoomView }): JSX.Element {
  const t = text.value;
  const { peer } = view;
  const isOnline = peer ? presence.value.get(peer.id)?.online === true : false;
  return (
    <header class="bar">
      <BackButton />
      <button
        type="button"
        class="who"
        title={t.roomInfo}
        aria-expanded={panel.value === "info"}
        onClick={() => {
          panel.value = panel.value === "info" ? null : "info";
        }}
      >
        <Avatar of={roomPicture(view)} isSquare={!peer} isOnline={isOnline} />
        <span class="cuts">
          <h2>
            <Name>{roomName(view)}</Name>
          </h2>
          <span class="below">
            {peer ? presenceText(peer.id) : t.members(view.member_count, digits(view.member_count))}
          </span>
        </span>
      </button>
      <IconButton
        icon="info"
        label={t.roomInfo}
        aria-pressed={panel.value === "info"}
        onClick={() => {
          panel.value = panel.value === "info" ? null : "info";
        }}
      />
    </header>
  );
}

function TypingLine({ room }: { room: number }): JSX.Element {
  const t = text.value;
  const isolated = (name: string) => `\u2068${name}\u2069`;
  const names = (typing.value.get(room) ?? [])
    .filter((user) => !isMe(user))
    .map((user) => isolated(people.value.get(user)?.display_name ?? "…"));
  const [one = "", two = ""] = names;
  return (
    <div class="typing-line" aria-live="polite">
      {names.length === 1
        ? t.typingOne(one)
        : names.length === 2
          ? t.typingTwo(one, two)
          : names.length > 2
            ? t.typingMany
            : ""}
    </div>
  );
}

/** Whether somebody looks at the page. */
const isLookedAt = () => document.visibilityState === "visible" && document.hasFocus();

/** The same, as far as the browser tells of it. */
function useLooking(): ReadonlySignal<boolean> {
  const looking = useSignal(isLookedAt());
  useEffect(() => {
    const take = () => {
      looking.value = isLookedAt();
    };
    for (const name of ["focus", "blur"]) {
      addEventListener(name, take);
    }
    document.addEventListener("visibilitychange", take);
    return () => {
      for (const name of ["focus", "blur"]) {
        removeEventListener(name, take);
      }
      document.removeEventListener("visibilitychange", take);
    };
  }, []);
  return looking;
}

interface Opened {
  timeline: RoomTimeline;
  snapshot: Signal<ReturnType<RoomTimeline["getSnapshot"]>>;
  unreadAfter: number | null;
}

function History({
  opened: { timeline, snapshot, unreadAfter },
  actions,
  list,
  about,
}: {
  opened: Opened;
  actions: MessageActions;
  list: { current: ListHandle | null };
  about: Signal<About>;
}): JSX.Element {
  const t = text.value;
  const { status, items, error, hasNewer, isLoadingOlder, hasOlder, quoted } = snapshot.value;
  const lines = useMemo(() => new Lines(), []);
  const rows = useMemo(() => lines.of(items, unreadAfter, me.value?.id), [items]);
  const atEnd = useSignal(true);
  const isLooking = useLooking();
  const newest = items.findLast((item) => item.kind === "message");
  const newestMessage = newest?.kind === "message" ? newest.message : null;

  // What is in sight is read.
  useSignalEffect(() => {
    const now = snapshot.value;
    const mayBe = isLooking.value || isLookedAt();
    if (atEnd.value && mayBe && now.status === "ready" && !now.hasNewer && timeline.newestNumber > 0) {
      client().rooms.markRead(timeline.room, timeline.newestNumber);
    }
  });
  const below = useComputed(() => {
    const entry = ownRooms.value.get(timeline.room);
    return atEnd.value && !snapshot.value.hasNewer ? 0 : (entry?.unread ?? 0);
  });
  // Rows are drawn once; what they do is always the latest.
  const current = useRef(actions);
  current.current = actions;
  const steady = useMemo(
    () => new Proxy({} as MessageActions, { get: (_, name: keyof MessageActions) => current.current[name] }),
    [],
  );
  // A quoted message that was loaded is shown by the rows that quote it.
  const isQuoting = useMemo(() => ({ quoted, mayWrite: actions.mayWrite }), [quoted, actions.mayWrite]);

  const render = (line: Line): JSX.Element => {
    switch (line.kind) {
      case "day":
        return <Day at={line.at} />;
      case "unread":
        return <UnreadLine />;
      case "message":
        return <MessageRow line={line} actions={steady} />;
      case "outgoing":
        return <OutgoingRow outgoing={line.outgoing} isLast={line.isLast} actions={steady} />;
    }
  };

  const failedAt = useRef(0);
  const page = (load: () => Promise<void>) => {
    if (Date.now() - failedAt.current > PAGE_PAUSE_MS) {
      load().catch((reason: unknown) => {
        failedAt.current = Date.now();
        complain(reason);
      });
    }
  };
  // Where the focus goes next, so that keys that come faster than rows are drawn go on from there.
  const bound = useRef<string | null>(null);
  const focusRow = (key: string) => {
    bound.current = key;
    list.current?.reveal(key);
    afterDrawing(() => {
      if (bound.current === key) {
        bound.current = null;
        document.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"] [tabindex]`)?.focus();
      }
    });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const at = event.target as HTMLElement;
    const isRow = at.classList.contains("message");
    const isList = at === event.currentTarget;
    if (event.key === "Escape") {
      event.preventDefault();
      document.querySelector<HTMLElement>("#composer")?.focus();
      return;
    }
    if ((!isRow && !isList) || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const steadyRows = rows.filter(({ isSteady }) => isSteady);
    const key = bound.current ?? at.closest<HTMLElement>("[data-key]")?.dataset.key;
    const here = key === undefined ? steadyRows.length : steadyRows.findIndex((row) => row.key === key);
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step) {
      event.preventDefault();
      const next = steadyRows[Math.max(0, Math.min(steadyRows.length - 1, here + step))];
      if (here + step >= steadyRows.length && key !== undefined) {
        document.querySelector<HTMLElement>("#composer")?.focus();
      } else if (next) {
        focusRow(next.key);
      }
      return;
    }
    const row = key === undefined ? undefined : steadyRows[here];
    if (row?.kind !== "message" || row.message.deleted_at || !actions.mayWrite) {
      return;
    }
    const isOwn = isMe(row.message.sender.id);
    // By the key's place, so that they are the same on a Persian keyboard.
    const work: Record<string, (() => void) | false> = {
      KeyR: () => actions.reply(row.message),
      KeyE: isOwn && (() => actions.edit(row.message)),
      KeyC: () => actions.copy(row.message),
      Delete: (isOwn || actions.mayRemoveAll) && (() => actions.remove(row.message)),
      Enter: () => at.querySelector<HTMLElement>(".tools button")?.focus(),
    };
    const chosen = work[event.code];
    if (chosen) {
      event.preventDefault();
      chosen();
    }
  };

  if (status === "failed" && items.length === 0) {
    return (
      <div class="history">
        <Failure detail={explain(error)} onRetry={() => void timeline.reload()} />
      </div>
    );
  }
  if (status === "loading" && items.length === 0) {
    return (
      <div class="history blank">
        <Spinner />
      </div>
    );
  }
  return (
    <div class="history">
      {items.length === 0 ? (
        <Blank icon="chat" title={t.noMessages}>
          {actions.mayWrite && <p>{t.noMessagesHint}</p>}
        </Blank>
      ) : (
        <VirtualList
          rows={rows}
          render={render}
          redraw={isQuoting}
          atEnd={atEnd}
          first={
            unreadAfter !== null && about.value === null && rows.some(({ kind }) => kind === "unread")
              ? "unread"
              : undefined
          }
          handle={list}
          onNearStart={() => {
            if (hasOlder && !isLoadingOlder) {
              page(() => timeline.loadOlder());
            }
          }}
          onNearEnd={() => {
            if (hasNewer) {
              page(() => timeline.loadNewer());
            }
          }}
          scrollerProps={{ tabIndex: 0, role: "log", "aria-label": t.history, "aria-live": "off", onKeyDown }}
        />
      )}
      <p class="heard" aria-live="polite">
        {newestMessage && !isMe(newestMessage.sender.id)
          ? `${newestMessage.sender.display_name}: ${summary(newestMessage)}`
          : ""}
      </p>
      {(!atEnd.value || hasNewer) && items.length > 0 && (
        <IconButton icon="down" class="down" label={t.toLatest} onClick={() => void toLatest(timeline, list)}>
          {below.value > 0 && <span class="badge" data-count={digits(below.value)} />}
        </IconButton>
      )}
    </div>
  );
}

function Day({ at }: { at: Date }): JSX.Element {
  return (
    <div class="day">
      <span>{dayName(at)}</span>
    </div>
  );
}

function UnreadLine(): JSX.Element {
  return <div class="unread-line">{text.value.newMessages}</div>;
}

function LightBox({ file, onClose }: { file: Attachment; onClose: () => void }): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null);
  const url = client().rest.resolve(file.url);
  useEffect(() => ref.current?.showModal(), []);
  return (
    <dialog ref={ref} class="light-box" aria-label={file.name} onClose={onClose} onClick={() => ref.current?.close()}>
      <header class="bar">
        <h2 class="grow">
          <Name>{file.name}</Name>
        </h2>
        <a
          class="icon-button"
          href={url}
          download={file.name}
          aria-label={text.value.download}
          onClick={(event) => event.stopPropagation()}
        >
          <Icon name="download" />
        </a>
        <IconButton icon="close" label={text.value.close} onClick={() => ref.current?.close()} />
      </header>
      <img src={url} alt={file.name} />
    </dialog>
  );
}

/** Turns a room's name or a person's in the address into the room. */
export function Finder({
  find,
  isPerson = false,
}: {
  find: () => Promise<number | null>;
  isPerson?: boolean;
}): JSX.Element {
  const failure = useSignal<unknown>(null);
  const isNobody = useSignal(false);
  const look = async () => {
    failure.value = null;
    try {
      const room = await find();
      if (room === null) {
        isNobody.value = true;
      } else {
        go({ at: "room", room }, { replace: true });
      }
    } catch (error) {
      failure.value = error;
    }
  };
  useEffect(() => {
    void look();
  }, []);
  return (
    <>
      <header class="bar">
        <BackButton />
      </header>
      {isNobody.value ? (
        <Blank icon="search" title={isPerson ? text.value.nobody : text.value.roomGone} />
      ) : failure.value ? (
        <Failure detail={explain(failure.value)} onRetry={() => void look()} />
      ) : (
        <div class="blank">
          <Spinner />
        </div>
      )}
    </>
  );
}
