import type { JSX } from "preact";

import { placeOf, titleOf } from "../state/alerts";
import { notices, unreadNotices } from "../state/live";
import { hrefOf } from "../state/route";
import { client } from "../state/session";
import { complain, panel } from "../state/ui";
import { text } from "../text";
import { moment, shortTime } from "../text/format";
import { Avatar, Blank, IconButton, Name } from "../ui/parts";

/** What one was told of. */
export function NoticesPanel(): JSX.Element {
  const t = text.value;
  const [newest] = notices.value;
  return (
    <aside class="panel" aria-label={t.notifications}>
      <header class="bar">
        <h2 class="grow">{t.notifications}</h2>
        <IconButton icon="close" label={t.close} onClick={() => (panel.value = null)} />
      </header>
      <div class="scroll">
        {notices.value.length === 0 ? (
          <Blank icon="bell" title={t.noNotifications} />
        ) : (
          <div class="stack tight pad">
            {unreadNotices.value > 0 && newest && (
              <button
                type="button"
                class="button quiet small"
                onClick={() => void client().rest.readNotifications(newest.id).catch(complain)}
              >
                {t.readAll}
              </button>
            )}
            <ul>
              {notices.value.map((notice) => {
                const at = new Date(notice.created_at);
                return (
                  <li key={notice.id}>
                    <a
                      class="line"
                      href={hrefOf(placeOf(notice))}
                      onClick={() => {
                        // Where it covers the conversation.
                        if (matchMedia("(max-width: 70rem)").matches) {
                          panel.value = null;
                        }
                      }}
                    >
                      <Avatar
                        of={{ id: notice.sender.id, name: notice.sender.display_name, url: notice.sender.avatar_url }}
                        size="small"
                      />
                      <span class="grow cuts">
                        <strong>
                          <Name>{titleOf(notice)}</Name>
                        </strong>
                        <small dir="auto">{notice.text}</small>
                      </span>
                      <time dateTime={notice.created_at} title={moment(at)}>
                        <small>{shortTime(at)}</small>
                      </time>
                      {!notice.read_at && <span class="badge" title={t.newMessages} />}
                    </a>
                  </li>
                );
              })}
            </ul>
          </div>
        )}
      </div>
    </aside>
  );
}
