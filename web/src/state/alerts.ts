import type { Client, Notification as Notice } from "@chapar/sdk";
import { effect, signal } from "@preact/signals";

import { text } from "../text";
import { digits } from "../text/format";
import { unreadNotices, unreadTotal } from "./live";
import { go, hrefOf, openRoom, type Route } from "./route";
import { say } from "./ui";

const KEY = "chapar.alerts";
const isThere = typeof Notification !== "undefined";

/** Whether the browser may be asked to notify: `default` was not asked yet. */
export const permission = signal<NotificationPermission>(isThere ? Notification.permission : "denied");
/** Whether the user wants it. */
export const isWanted = signal(localStorage.getItem(KEY) === "on");

/** Turns browser notifications on, which asks the browser, or off. */
export async function setWanted(on: boolean): Promise<void> {
  if (on && isThere && permission.value === "default") {
    permission.value = await Notification.requestPermission();
  }
  isWanted.value = on && permission.value === "granted";
  localStorage.setItem(KEY, isWanted.value ? "on" : "off");
}

/** Who or what a notification is of. */
export function titleOf({ kind, sender }: Notice): string {
  const name = sender.display_name;
  switch (kind) {
    case "mention":
      return text.value.mentionOf(name);
    case "invite":
      return text.value.inviteOf(name);
    default:
      return name;
  }
}

/** Where a notification leads. */
export function placeOf({ room }: Notice): Route {
  return room === null ? { at: "notifications" } : { at: "room", room };
}

/** Tells of notifications: in the page if it is looked at, else by the browser, and of unread ones in the title. */
export function tellOf(from: Client): void {
  from.on("notification.created", ({ data }) => {
    const isLooking = document.visibilityState === "visible" && document.hasFocus();
    if (isLooking) {
      if (data.room === null || data.room !== openRoom.peek()) {
        say({ kind: "message", title: titleOf(data), detail: data.text, href: hrefOf(placeOf(data)) });
      }
    } else if (isWanted.peek() && permission.peek() === "granted") {
      const told = new Notification(titleOf(data), {
        body: data.text,
        // One of each room: a later one takes the earlier one's place.
        tag: `chapar-${data.room ?? "own"}`,
        icon: "/icon.svg",
        dir: "auto",
      });
      told.onclick = () => {
        focus();
        told.close();
        go(placeOf(data));
      };
    }
  });
  effect(() => {
    const count = unreadTotal.value + (unreadTotal.value === 0 ? unreadNotices.value : 0);
    document.title = count > 0 ? `(${digits(count)}) ${text.value.appName}` : text.value.appName;
  });
}
