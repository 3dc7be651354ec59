// Leads a browser that runs scripts from a page to the same place of the client at `/`, before anything is shown.
// Without scripts, and after `?plain` for as long as the tab lives, the page stays and works by its forms.
(() => {
  const here = new URL(location.href);
  const remembered = "chapar.plain";
  try {
    if (here.searchParams.has("plain")) sessionStorage.setItem(remembered, "1");
    if (sessionStorage.getItem(remembered)) return;
    // Who is signed in here by the cookie: the client may use it too.
    const { viewer } = document.currentScript.dataset;
    if (viewer) sessionStorage.setItem("chapar.cookie", viewer);
  } catch {
    // Without storage the client has nowhere to keep a sign-in.
    return;
  }
  const place = (path) => {
    const [, screen, name, last] = /^\/chat\/(?:(login|register|profile|group|chat)\/)?(?:([^/]+)\/)?(?:([^/]+)\/)?$/.exec(path) ?? [];
    if (screen === "group" && name) return `/group/${name}`;
    if (screen === "chat" && name === "private" && last) return `/user/${last}`;
    return screen === "register" || screen === "profile" ? `/${screen}` : "/";
  };
  // The server made `next` a path below /chat/, or ignores it; here it becomes a place or the beginning.
  const next = here.pathname === "/chat/login/" && here.searchParams.get("next");
  const path = next ? new URL(next, here.origin).pathname : here.pathname;
  location.replace(`/#${place(path)}`);
})();
