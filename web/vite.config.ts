import { defineConfig } from "vite";

// The server to develop against: `make run`.
const SERVER = process.env.CHAPAR_SERVER ?? "http://127.0.0.1:8000";

export default defineConfig({
  build: {
    // What has `light-dark()`, popovers and the `v` flag of patterns: browsers since the spring of 2024.
    target: ["chrome125", "firefox126", "safari17.5"],
    cssTarget: ["chrome125", "firefox126", "safari17.5"],
    // Nothing is inlined: the policy of content wants every file to come from the server.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    emptyOutDir: true,
    reportCompressedSize: false,
    license: { fileName: "licenses.txt" },
  },
  server: { proxy: { "/v1": { target: SERVER, ws: true }, "/chat": SERVER } },
});
