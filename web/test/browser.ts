// As much of a browser as modules look at when they are loaded.
Object.assign(globalThis, { localStorage: { getItem: () => null, setItem: () => {} } });
Object.defineProperty(globalThis, "location", { value: { hash: "" } });
Object.defineProperty(globalThis, "navigator", { value: { languages: ["en"] } });
process.env.TZ = "Asia/Tehran";
