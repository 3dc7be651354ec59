import type { Attachment, Message, OutgoingMessage } from "@chapar/sdk";
import type { JSX } from "preact";

import { people, seenBy } from "../state/live";
import { client, me } from "../state/session";
import { text } from "../text";
import { clock, digits, fileSize, moment } from "../text/format";
import { isOnlyEmoji, pieces } from "../text/pieces";
import { Icon } from "../ui/icons";
import { Avatar, IconButton, Menu, MenuItem, Name } from "../ui/parts";
import { EMOJI } from "./emoji";
import type { Line } from "./lines";
import { summary } from "./names";

/** What can be done with a message. */
export interface MessageActions {
  reply: (message: Message) => void;
  edit: (message: Message) => void;
  remove: (message: Message) => void;
  react: (message: Message, emoji: string, isOn: boolean) => void;
  copy: (message: Message) => void;
  jump: (message: Message) => void;
  look: (attachment: Attachment) => void;
  /** Whether one may delete what others wrote. */
  mayRemoveAll: boolean;
  /** Whether one may write here. */
  mayWrite: boolean;
  find: (id: number) => Message | null | undefined;
}

/** A message's text: links and mentions are elements, all else is text. */
export function MessageText({ content }: { content: string }): JSX.Element {
  const own = me.value?.username.toLocaleLowerCase();
  return (
    <div class={`text${isOnlyEmoji(content) ? " big" : ""}`} dir="auto">
      {pieces(content).map((piece, index) => {
        switch (piece.kind) {
          case "link":
            return (
              <bdi key={index}>
                <a href={piece.href} target="_blank" rel="noopener noreferrer">
                  {piece.text}
                </a>
              </bdi>
            );
          case "mention":
            return (
              <bdi key={index} class={`mention${piece.name.toLocaleLowerCase() === own ? " me" : ""}`}>
                {piece.text}
              </bdi>
            );
          default:
            return piece.text;
        }
      })}
    </div>
  );
}

/** One message with its surroundings. */
export function MessageRow({
  line,
  actions,
}: {
  line: Extract<Line, { kind: "message" }>;
  actions: MessageActions;
}): JSX.Element {
  const { message, isFirst, isLast } = line;
  const isOwn = message.sender.id === me.value?.id;
  const sender = people.value.get(message.sender.id) ?? message.sender;
  const t = text.value;
  const at = new Date(message.created_at);
  const mayAct = actions.mayWrite && !message.deleted_at;
  return (
    <div class={`row${isLast ? " ends" : ""}`}>
      <article
        class={`message${isOwn ? " own" : ""}`}
        tabIndex={-1}
        data-message={message.id}
        aria-label={`${isOwn ? t.you : sender.display_name}, ${moment(at)}`}
      >
        {!isOwn &&
          (isLast ? (
            <Avatar of={{ id: sender.id, name: sender.display_name, url: sender.avatar_url }} size="small" />
          ) : (
            <span class="space" />
          ))}
        <div class="bubble">
          {!isOwn && isFirst && (
            <span class="author cuts">
              <Name>{sender.display_name}</Name>
            </span>
          )}
          {message.reply_to !== null && !message.deleted_at && <Quote id={message.reply_to} actions={actions} />}
          {message.deleted_at ? (
            <p class="gone">{t.deleted}</p>
          ) : (
            <>
              <Files files={message.attachments} actions={actions} />
              {message.content && <MessageText content={message.content} />}
            </>
          )}
          {message.reactions.length > 0 && (
            <div class="reactions" role="group" aria-label={t.reactions}>
              {message.reactions.map(({ emoji, count, me: isMine }) => (
                <button
                  key={emoji}
                  type="button"
                  aria-pressed={isMine === true}
                  disabled={!actions.mayWrite}
                  onClick={() => actions.react(message, emoji, !isMine)}
                >
                  <span>{emoji}</span> {digits(count)}
                </button>
              ))}
            </div>
          )}
          <div class="meta">
            {message.edited_at && !message.deleted_at && <span>{t.edited}</span>}
            <time dateTime={message.created_at} title={moment(at)}>
              {clock(at)}
            </time>
            {isOwn && !message.deleted_at && <Ticks message={message} />}
          </div>
          {mayAct && <Tools message={message} isOwn={isOwn} actions={actions} />}
        </div>
      </article>
    </div>
  );
}

function Ticks({ message }: { message: Message }): JSX.Element {
  const isSeen = (seenBy.value.get(message.room) ?? 0) >= message.number;
  const word = isSeen ? text.value.seen : text.value.sent;
  return (
    <span class={isSeen ? "seen" : ""} title={word}>
      <Icon name={isSeen ? "checks" : "check"} small />
      <span class="heard">{word}</span>
    </span>
  );
}

function Tools({
  message,
  isOwn,
  actions,
}: {
  message: Message;
  isOwn: boolean;
  actions: MessageActions;
}): JSX.Element {
  const t = text.value;
  return (
    <div class="tools" role="group" aria-label={t.more}>
      <Menu icon="smile" label={t.react} menuClass="emoji">
        {EMOJI.slice(0, 32).map((emoji) => (
          <MenuItem
            key={emoji}
            onPick={() =>
              actions.react(message, emoji, !message.reactions.some((one) => one.emoji === emoji && one.me))
            }
          >
            {emoji}
          </MenuItem>
        ))}
      </Menu>
      <IconButton icon="reply" turns label={t.reply} onClick={() => actions.reply(message)} />
      <Menu icon="more" label={t.more}>
        {message.content && (
          <MenuItem icon="copy" onPick={() => actions.copy(message)}>
            {t.copy}
          </MenuItem>
        )}
        {isOwn && (
          <MenuItem icon="edit" onPick={() => actions.edit(message)}>
            {t.edit}
          </MenuItem>
        )}
        {(isOwn || actions.mayRemoveAll) && (
          <MenuItem icon="trash" isBad onPick={() => actions.remove(message)}>
            {t.delete}
          </MenuItem>
        )}
        {!message.content && !isOwn && !actions.mayRemoveAll && (
          <MenuItem icon="reply" onPick={() => actions.reply(message)}>
            {t.reply}
          </MenuItem>
        )}
      </Menu>
    </div>
  );
}

function Quote({ id, actions }: { id: number; actions: MessageActions }): JSX.Element {
  const quoted = actions.find(id);
  if (!quoted) {
    return (
      <span class="quote cuts">
        <span>{quoted === null ? text.value.savedDeleted : text.value.earlier}</span>
      </span>
    );
  }
  return (
    <button type="button" class="quote cuts" onClick={() => actions.jump(quoted)}>
      <strong>
        <Name>{quoted.sender.id === me.value?.id ? text.value.you : quoted.sender.display_name}</Name>
      </strong>
      <span dir="auto">{summary(quoted)}</span>
    </button>
  );
}

function Files({
  files,
  actions,
}: {
  files: readonly Attachment[];
  actions: Pick<MessageActions, "look">;
}): JSX.Element | null {
  if (files.length === 0) {
    return null;
  }
  return (
    <div class="files">
      {files.map((file) => (
        <File key={file.id} file={file} actions={actions} />
      ))}
    </div>
  );
}

function File({ file, actions }: { file: Attachment; actions: Pick<MessageActions, "look"> }): JSX.Element {
  const url = client().rest.resolve(file.url);
  const [type] = file.content_type.split("/");
  if (type === "image") {
    const shown = client().rest.resolve(file.thumbnail_url ?? file.url);
    // The place is kept while it loads, so that nothing moves when it has.
    const scale = Math.min(1, 352 / (file.width ?? 352), 320 / (file.height ?? 320));
    return (
      <button
        type="button"
        class="picture"
        aria-label={`${text.value.openImage}: ${file.name}`}
        onClick={() => actions.look(file)}
      >
        <img
          src={shown}
          alt={file.name}
          loading="lazy"
          decoding="async"
          {...(file.width && file.height
            ? { width: Math.round(file.width * scale), height: Math.round(file.height * scale) }
            : {})}
        />
      </button>
    );
  }
  if (type === "video") {
    // biome-ignore lint/a11y/useMediaCaption: what people send has none
    return <video src={url} controls preload="metadata" aria-label={file.name} />;
  }
  if (type === "audio") {
    // biome-ignore lint/a11y/useMediaCaption: what people send has none
    return <audio src={url} controls preload="metadata" aria-label={file.name} />;
  }
  return (
    <a class="document" href={url} download={file.name} rel="noopener noreferrer">
      <Icon name="file" />
      <span class="cuts">
        <bdi>{file.name}</bdi>
        <small>
          {fileSize(file.size)} · {text.value.download}
        </small>
      </span>
    </a>
  );
}

/** A message that the server does not have yet. */
export function OutgoingRow({
  outgoing,
  isLast,
  actions,
}: {
  outgoing: OutgoingMessage;
  isLast: boolean;
  actions: MessageActions;
}): JSX.Element {
  const t = text.value;
  const at = new Date(outgoing.created_at);
  const hasFailed = outgoing.state === "failed";
  return (
    <div class={`row${isLast ? " ends" : ""}`}>
      <article class="message own waiting" tabIndex={-1} aria-label={`${t.you}, ${hasFailed ? t.failed : t.sending}`}>
        <div class="bubble">
          {outgoing.reply_to !== null && <Quote id={outgoing.reply_to} actions={actions} />}
          <Files files={outgoing.attachments} actions={actions} />
          {outgoing.content && <MessageText content={outgoing.content} />}
          <div class="meta">
            <time dateTime={outgoing.created_at}>{clock(at)}</time>
            <span title={hasFailed ? t.failed : t.sending}>
              <Icon name={hasFailed ? "alert" : "clock"} small />
              <span class="heard">{hasFailed ? t.failed : t.sending}</span>
            </span>
          </div>
          {hasFailed && (
            <div class="failed" role="alert">
              <span>
                {t.failed} <bdi>{outgoing.error?.detail}</bdi>
              </span>
              <button type="button" onClick={() => client().outbox.retry(outgoing.nonce)}>
                {t.retry}
              </button>
              <button type="button" onClick={() => client().outbox.discard(outgoing.nonce)}>
                {t.discard}
              </button>
            </div>
          )}
        </div>
      </article>
    </div>
  );
}
