import type { JSX } from "preact";
import { render } from "preact";

import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/chat.css";
import "./styles/panels.css";
import { forgetDrafts } from "./screens/composer";
import { Gate } from "./screens/gate";
import { Shell } from "./screens/shell";
import { tellOf } from "./state/alerts";
import { follow } from "./state/live";
import { followAddress, go } from "./state/route";
import { begin, standing } from "./state/session";
import { applyTheme, panel, sheet } from "./state/ui";
import { applyLanguage } from "./text";

function App(): JSX.Element | null {
  switch (standing.value) {
    case "in":
      return <Shell />;
    case "out":
      return <Gate />;
    default:
      return null;
  }
}

applyLanguage();
applyTheme();
followAddress();
const client = await begin();
follow(client);
tellOf(client);
client.on("signed-out", (reason) => {
  panel.value = null;
  sheet.value = null;
  if (reason === "logout") {
    // Whoever comes next begins anew; who was signed out comes back to where they were.
    forgetDrafts();
    go({ at: "home" }, { replace: true });
  }
});
const root = document.querySelector("#app");
if (root) {
  render(<App />, root);
}
