import { computed, signal } from "@preact/signals";

/** A place in the client. The address names it after `#`, so that the server need not know of it. */
export type Route =
  | { at: "home" }
  | { at: "room"; room: number; message?: number | undefined }
  | { at: "group"; slug: string }
  | { at: "user"; username: string }
  | { at: "profile" }
  | { at: "discover" }
  | { at: "notifications" }
  | { at: "login" }
  | { at: "register" };

/** Reads a place out of the part after `#`. What it does not know is the beginning. */
export function parse(hash: string): Route {
  const [, name = "", ...rest] = hash.replace(/^#/, "").split("/");
  const [first = "", second = "", third = ""] = rest.map(decoded);
  switch (name) {
    case "room": {
      const [room, message] = [Number(first), second === "at" ? Number(third) : undefined];
      const isGood = Number.isSafeInteger(room) && room > 0;
      return isGood ? { at: "room", room, ...(message && message > 0 ? { message } : {}) } : { at: "home" };
    }
    case "group":
      return first ? { at: "group", slug: first } : { at: "home" };
    case "user":
      return first ? { at: "user", username: first } : { at: "home" };
    case "profile":
    case "discover":
    case "notifications":
    case "login":
    case "register":
      return { at: name };
    default:
      return { at: "home" };
  }
}

/** The address of a place. */
export function hrefOf(route: Route): string {
  switch (route.at) {
    case "home":
      return "#/";
    case "room":
      return `#/room/${route.room}${route.message ? `/at/${route.message}` : ""}`;
    case "group":
      return `#/group/${encodeURIComponent(route.slug)}`;
    case "user":
      return `#/user/${encodeURIComponent(route.username)}`;
    default:
      return `#/${route.at}`;
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Where one is. */
export const route = signal<Route>(parse(location.hash));

/** The room that is open. */
export const openRoom = computed(() => (route.value.at === "room" ? route.value.room : null));

/** Goes to a place; `replace` leaves no step back to where one was. */
export function go(to: Route, { replace = false } = {}): void {
  const href = hrefOf(to);
  if (replace) {
    history.replaceState(null, "", href);
  } else if (href !== location.hash) {
    history.pushState(null, "", href);
  }
  route.value = to;
}

/** Follows the address. */
export function followAddress(): void {
  const take = () => {
    route.value = parse(location.hash);
  };
  addEventListener("hashchange", take);
  addEventListener("popstate", take);
}
