import type { Member, Role, RoomView, User } from "@chapar/sdk";
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";

import { ask } from "../state/ask";
import { meet, ownRooms, presence } from "../state/live";
import { go, route } from "../state/route";
import { client } from "../state/session";
import { complain, explain, fieldErrors, panel, say } from "../state/ui";
import { text } from "../text";
import { digits } from "../text/format";
import { Icon } from "../ui/icons";
import { Avatar, Field, IconButton, Menu, MenuItem, Name, Spinner } from "../ui/parts";
import { isMe, presenceText, roomName, roomPicture } from "./names";
import { PeoplePicker, PersonFace } from "./people";

/** Members watched for presence at a time. */
const WATCHED = 90;

/** What a room is, who is in it, and what one may do with it. */
export function InfoPanel({ room }: { room: number }): JSX.Element {
  const t = text.value;
  const own = ownRooms.value.get(room)?.room;
  const visited = useSignal<RoomView | null>(null);
  useEffect(() => {
    if (!own) {
      client()
        .rest.room(room)
        .then((view) => (visited.value = view), complain);
    }
  }, [room, own === undefined]);
  const view = own ?? visited.value;
  return (
    <aside class="panel" aria-label={t.roomInfo}>
      <header class="bar">
        <h2 class="grow">{t.roomInfo}</h2>
        <IconButton icon="close" label={t.close} onClick={() => (panel.value = null)} />
      </header>
      {view ? (
        <div class="scroll" key={room}>
          <Info view={view} />
        </div>
      ) : (
        <div class="blank">
          <Spinner />
        </div>
      )}
    </aside>
  );
}

function Info({ view }: { view: RoomView }): JSX.Element {
  const t = text.value;
  const isEditing = useSignal(false);
  const { me: standing, peer } = view;
  const mayManage = view.kind !== "direct" && (standing?.role === "owner" || standing?.role === "admin");

  const mute = () => {
    client()
      .rest.muteRoom(view.id, !standing?.muted)
      .then((changed) => client().rooms.put(changed), complain);
  };
  const leave = async (question: string, yes: string, work: () => Promise<void>) => {
    if (await ask(question, yes)) {
      try {
        await work();
        panel.value = null;
        go({ at: "home" });
      } catch (error) {
        complain(error);
      }
    }
  };

  return (
    <>
      <div class="hero">
        <Avatar of={roomPicture(view)} size="large" isSquare={!peer} />
        <h3>
          <Name>{roomName(view)}</Name>
        </h3>
        <p>
          {peer ? (
            <>
              <bdi>@{peer.username}</bdi> · {presenceText(peer.id)}
            </>
          ) : (
            <>
              {view.kind === "public" ? t.public : t.private} ·{" "}
              {t.members(view.member_count, digits(view.member_count))}
            </>
          )}
        </p>
        {view.description && (
          <p class="description" dir="auto">
            {view.description}
          </p>
        )}
        {mayManage && !isEditing.value && (
          <button type="button" class="button quiet small" onClick={() => (isEditing.value = true)}>
            <Icon name="edit" small />
            {t.editRoom}
          </button>
        )}
      </div>
      {isEditing.value && <EditRoom view={view} onDone={() => (isEditing.value = false)} />}
      {view.kind !== "direct" && <Members view={view} mayManage={mayManage} />}
      {standing && (
        <section class="stack tight">
          <button type="button" class="button quiet" onClick={mute}>
            <Icon name={standing.muted ? "bell" : "bellOff"} />
            {standing.muted ? t.unmute : t.mute}
          </button>
          <button
            type="button"
            class="button danger"
            onClick={() =>
              void leave(peer ? `${t.hide}?` : t.leaveSure, peer ? t.hide : t.leave, () =>
                client().rest.leaveRoom(view.id),
              )
            }
          >
            <Icon name="out" turns />
            {peer ? t.hide : t.leave}
          </button>
          {standing.role === "owner" && !peer && (
            <button
              type="button"
              class="button danger"
              onClick={() => void leave(t.deleteRoomSure, t.deleteRoom, () => client().rest.deleteRoom(view.id))}
            >
              <Icon name="trash" />
              {t.deleteRoom}
            </button>
          )}
        </section>
      )}
    </>
  );
}

function EditRoom({ view, onDone }: { view: RoomView; onDone: () => void }): JSX.Element {
  const t = text.value;
  const failure = useSignal<unknown>(null);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    try {
      const change = { name: String(form.get("name")), description: String(form.get("description")) };
      client().rooms.put(await client().rest.updateRoom(view.id, change));
      onDone();
    } catch (error) {
      failure.value = error;
    }
  };
  const errors = fieldErrors(failure.value);
  return (
    <form class="pad stack" onSubmit={submit}>
      <Field
        label={t.roomName}
        name="name"
        value={view.name}
        maxLength={100}
        required={view.kind === "public"}
        errors={errors.name}
      />
      <Field
        label={t.description}
        name="description"
        value={view.description}
        maxLength={500}
        errors={errors.description}
      />
      {failure.value !== null && !errors.name && !errors.description && (
        <p class="error-box" role="alert">
          {explain(failure.value)}
        </p>
      )}
      <div class="row-of">
        <button type="submit" class="button small">
          {t.save}
        </button>
        <button type="button" class="button quiet small" onClick={onDone}>
          {t.cancel}
        </button>
      </div>
    </form>
  );
}

function Members({ view, mayManage }: { view: RoomView; mayManage: boolean }): JSX.Element {
  const t = text.value;
  const room = view.id;
  const members = useSignal<readonly Member[] | null>(null);
  const next = useSignal<string | null>(null);
  const failure = useSignal<unknown>(null);
  const isAdding = useSignal<"add" | "unban" | null>(null);

  const load = async (cursor: string | null) => {
    try {
      failure.value = null;
      const page = await client().rest.members(room, { cursor, limit: 100 });
      meet(page.items.map(({ user }) => user));
      members.value = cursor && members.peek() ? [...(members.peek() ?? []), ...page.items] : page.items;
      next.value = page.next;
    } catch (error) {
      failure.value = error;
    }
  };
  useEffect(() => {
    void load(null);
    const stops = (["member.joined", "member.left", "member.changed"] as const).map((type) =>
      client().on(type, (event) => {
        if (event.room === room) {
          void load(null);
        }
      }),
    );
    return () => {
      for (const stop of stops) {
        stop();
      }
    };
  }, [room]);
  const ids = members.value?.slice(0, WATCHED).map(({ user }) => user.id) ?? [];
  useEffect(() => client().presence.watch(ids), [ids.join()]);

  const add = async (user: User) => {
    try {
      await client().rest.putMember(room, user.id);
      isAdding.value = null;
    } catch (error) {
      complain(error);
    }
  };
  const unban = async (user: User) => {
    try {
      await client().rest.unban(room, user.id);
      say({ kind: "word", title: t.unbanned });
      isAdding.value = null;
    } catch (error) {
      complain(error);
    }
  };

  return (
    <section>
      <h3>{t.membersTitle}</h3>
      {mayManage && (
        <div class="row-of">
          <button
            type="button"
            class="button quiet small"
            aria-expanded={isAdding.value === "add"}
            onClick={() => (isAdding.value = isAdding.value === "add" ? null : "add")}
          >
            <Icon name="plus" small />
            {t.addPeople}
          </button>
          <button
            type="button"
            class="button quiet small"
            aria-expanded={isAdding.value === "unban"}
            onClick={() => (isAdding.value = isAdding.value === "unban" ? null : "unban")}
          >
            <Icon name="ban" small />
            {t.unban}
          </button>
        </div>
      )}
      {isAdding.value === "add" && (
        <PeoplePicker
          label={t.searchPeople}
          onPick={(user) => void add(user)}
          without={members.value?.map(({ user }) => user.id) ?? []}
        />
      )}
      {isAdding.value === "unban" && (
        <PeoplePicker
          label={t.banByName}
          onPick={(user) => void unban(user)}
          without={members.value?.map(({ user }) => user.id) ?? []}
        />
      )}
      {failure.value ? (
        <p class="error-box" role="alert">
          {explain(failure.value)}
          <button type="button" class="link-button" onClick={() => void load(null)}>
            {t.tryAgain}
          </button>
        </p>
      ) : !members.value ? (
        <Spinner />
      ) : (
        <ul>
          {members.value.map((member) => (
            <li key={member.user.id}>
              <MemberLine view={view} member={member} />
            </li>
          ))}
        </ul>
      )}
      {next.value !== null && (
        <button type="button" class="button quiet small" onClick={() => void load(next.peek())}>
          {t.moreMembers}
        </button>
      )}
    </section>
  );
}

function MemberLine({ view, member: { user, role } }: { view: RoomView; member: Member }): JSX.Element {
  const t = text.value;
  const room = view.id;
  const mine = view.me?.role;
  const isSelf = isMe(user.id);
  const mayRemove = !isSelf && (mine === "owner" || (mine === "admin" && role !== "owner"));
  const roles: Record<Role, string> = { owner: t.owner, admin: t.admin, member: t.member };
  const set = (to: Role) => {
    client().rest.putMember(room, user.id, { role: to }).catch(complain);
  };
  const ban = async () => {
    if (await ask(t.banSure(user.display_name), t.ban)) {
      client().rest.ban(room, user.id).catch(complain);
    }
  };
  return (
    <div class="line">
      <PersonFace
        user={user}
        isOnline={presence.value.get(user.id)?.online === true}
        below={isSelf ? t.you : presenceText(user.id) || <bdi>@{user.username}</bdi>}
      >
        {role !== "member" && <span class="tag">{roles[role]}</span>}
        {!isSelf && (
          <Menu icon="more" label={`${t.more}: ${user.display_name}`}>
            <MenuItem icon="chat" onPick={() => void writeTo(user)}>
              {t.message}
            </MenuItem>
            {mine === "owner" && role === "member" && (
              <MenuItem icon="person" onPick={() => set("admin")}>
                {t.makeAdmin}
              </MenuItem>
            )}
            {mine === "owner" && role === "admin" && (
              <MenuItem icon="person" onPick={() => set("member")}>
                {t.makeMember}
              </MenuItem>
            )}
            {mine === "owner" && role !== "owner" && (
              <MenuItem icon="person" onPick={() => set("owner")}>
                {t.makeOwner}
              </MenuItem>
            )}
            {mayRemove && (
              <MenuItem icon="out" isBad onPick={() => void client().rest.removeMember(room, user.id).catch(complain)}>
                {t.remove}
              </MenuItem>
            )}
            {mayRemove && (
              <MenuItem icon="ban" isBad onPick={() => void ban()}>
                {t.ban}
              </MenuItem>
            )}
          </Menu>
        )}
      </PersonFace>
    </div>
  );
}

/** Opens the chat with somebody. */
export async function writeTo(user: { id: number }): Promise<void> {
  if (isMe(user.id)) {
    return;
  }
  try {
    const direct = await client().rest.directRoom(user.id);
    client().rooms.put(direct);
    panel.value = null;
    go({ at: "room", room: direct.id }, { replace: route.peek().at === "user" });
  } catch (error) {
    complain(error);
  }
}
