import type { Message, RoomView } from "@chapar/sdk";

import { presence } from "../state/live";
import { me } from "../state/session";
import { text } from "../text";
import { ago } from "../text/format";

/** What a room is called. */
export function roomName(room: RoomView): string {
  return room.peer?.display_name || room.name || text.value.unnamed;
}

/** What its picture shows. */
export function roomPicture(room: RoomView): { id: number; name: string; url?: string | null } {
  const { peer } = room;
  return peer ? { id: peer.id, name: peer.display_name, url: peer.avatar_url } : { id: room.id, name: roomName(room) };
}

/** A message in a few words. */
export function summary(message: Pick<Message, "content" | "attachments" | "deleted_at">): string {
  const t = text.value;
  if (message.deleted_at) {
    return t.savedDeleted;
  }
  if (message.content) {
    return message.content.replace(/\s+/g, " ").slice(0, 160);
  }
  const type = message.attachments[0]?.content_type.split("/")[0];
  const names: Record<string, string> = { image: t.photo, video: t.video, audio: t.sound };
  return names[type ?? ""] ?? message.attachments[0]?.name ?? t.file;
}

/** Whether somebody is there, or when they were. */
export function presenceText(user: number): string {
  const state = presence.value.get(user);
  if (!state) {
    return "";
  }
  if (state.online) {
    return text.value.online;
  }
  return state.lastSeen ? text.value.lastSeen(ago(new Date(state.lastSeen))) : text.value.offlineNow;
}

/** Whether a user is oneself. */
export const isMe = (user: number): boolean => user === me.value?.id;
