import type { Attachment, Message, RoomTimeline } from "@chapar/sdk";
import { effect, type Signal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { client, me, upload } from "../state/session";
import { complain, explain, say } from "../state/ui";
import { text } from "../text";
import { digits, fileSize } from "../text/format";
import { Icon } from "../ui/icons";
import { IconButton, Menu, MenuItem, Name, Spinner } from "../ui/parts";
import { EMOJI } from "./emoji";
import { summary } from "./names";

/** What the next message is about. */
export type About = { kind: "reply" | "edit"; message: Message } | null;

/** A file on its way. */
interface Upload {
  id: number;
  file: File;
  preview: string | null;
  /** 0 to 1. */
  share: number;
  attachment: Attachment | null;
  error: string | null;
  stop: AbortController;
}

/** What was written and not sent, by room, for as long as the tab lives. */
const drafts = new Map<number, string>();
/** Forgets them: somebody else may sign in. */
export const forgetDrafts = (): void => drafts.clear();

let nextUpload = 1;

/** The box that one writes in. `dropped`: files that were dropped on the conversation. */
export function Composer({
  timeline,
  about,
  dropped,
  onSent,
}: {
  timeline: RoomTimeline;
  about: Signal<About>;
  dropped: Signal<readonly File[]>;
  onSent: () => void;
}): JSX.Element {
  const { room } = timeline;
  const t = text.value;
  const content = useSignal(drafts.get(room) ?? "");
  const uploads = useSignal<readonly Upload[]>([]);
  const area = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const limits = client().limits;
  const isEditing = about.value?.kind === "edit";

  const letters = useComputed(() => [...content.value.trim()].length);
  const max = limits?.content ?? 4000;
  const isBusy = uploads.value.some(({ attachment, error }) => !attachment && !error);
  const ready = uploads.value.flatMap(({ attachment }) => (attachment ? [attachment] : []));
  const maySend = (letters.value > 0 || (ready.length > 0 && !isEditing)) && letters.value <= max && !isBusy;

  // A change of what it is about changes what stands in the box: at once, not after the next frame as with
  // useSignalEffect, or it would take the place of what is typed meanwhile.
  useEffect(
    () =>
      effect(() => {
        const to = about.value;
        if (to?.kind === "edit") {
          content.value = to.message.content;
        }
        if (to) {
          area.current?.focus();
        }
      }),
    [about],
  );
  useEffect(() => {
    if (!isEditing) {
      drafts.set(room, content.value);
    }
    const box = area.current;
    if (box) {
      box.style.blockSize = "auto";
      box.style.blockSize = `${Math.min(box.scrollHeight, 192)}px`;
    }
  }, [content.value]);
  useEffect(() => {
    // On a phone the keyboard would cover what one came to read.
    if (matchMedia("(pointer: fine)").matches) {
      area.current?.focus();
    }
    return () => {
      client().typing.stop(room);
      for (const { stop, preview } of uploads.peek()) {
        stop.abort();
        if (preview) {
          URL.revokeObjectURL(preview);
        }
      }
    };
  }, []);
  useSignalEffect(() => {
    if (dropped.value.length > 0) {
      add(dropped.value);
      dropped.value = [];
    }
  });

  const change = (id: number, to: Partial<Upload>) => {
    uploads.value = uploads.peek().map((one) => (one.id === id ? { ...one, ...to } : one));
  };
  const start = async (one: Upload) => {
    try {
      const attachment = await upload(one.file, (share) => change(one.id, { share }), one.stop.signal);
      change(one.id, { attachment, share: 1 });
    } catch (error) {
      if (!one.stop.signal.aborted) {
        change(one.id, { error: explain(error) });
      }
    }
  };
  const add = (files: readonly File[]) => {
    const most = limits?.attachments ?? 10;
    const free = most - uploads.peek().length;
    if (files.length > free) {
      say({ kind: "bad", title: t.tooMany(digits(most)) });
    }
    const largest = limits?.upload_bytes ?? Number.POSITIVE_INFINITY;
    const fresh = files.slice(0, Math.max(0, free)).map(
      (file): Upload => ({
        id: nextUpload++,
        file,
        preview: file.type.startsWith("image/") ? URL.createObjectURL(file) : null,
        share: 0,
        attachment: null,
        error: file.size > largest ? t.tooLarge(fileSize(largest)) : null,
        stop: new AbortController(),
      }),
    );
    uploads.value = [...uploads.peek(), ...fresh];
    for (const one of fresh) {
      if (!one.error) {
        void start(one);
      }
    }
    area.current?.focus();
  };
  const drop = ({ id, stop, preview }: Upload) => {
    stop.abort();
    if (preview) {
      URL.revokeObjectURL(preview);
    }
    uploads.value = uploads.peek().filter((one) => one.id !== id);
    area.current?.focus();
  };

  const cancel = () => {
    if (about.peek()?.kind === "edit") {
      content.value = "";
    }
    about.value = null;
    area.current?.focus();
  };
  const send = () => {
    if (!maySend) {
      return;
    }
    const to = about.peek();
    const words = content.peek().trim();
    client().typing.stop(room);
    content.value = "";
    about.value = null;
    area.current?.focus();
    if (to?.kind === "edit") {
      if (words !== to.message.content) {
        client()
          .edit(room, to.message.id, words)
          .catch((error: unknown) => {
            complain(error);
            content.value = words;
            about.value = to;
          });
      }
      return;
    }
    for (const { preview } of uploads.peek()) {
      if (preview) {
        URL.revokeObjectURL(preview);
      }
    }
    uploads.value = [];
    // What goes wrong is told beside the message.
    timeline.send({ content: words, replyTo: to?.message.id ?? null, attachments: ready }).catch(() => {});
    onSent();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) {
      return;
    }
    if (event.key === "Enter" && !event.shiftKey && matchMedia("(pointer: fine)").matches) {
      event.preventDefault();
      send();
    } else if (event.key === "Escape" && about.peek()) {
      event.preventDefault();
      event.stopPropagation();
      cancel();
    } else if (event.key === "ArrowUp" && content.peek() === "" && !about.peek()) {
      const own = timeline
        .getSnapshot()
        .items.findLast(
          (item) => item.kind === "message" && item.message.sender.id === me.peek()?.id && !item.message.deleted_at,
        );
      if (own?.kind === "message" && own.message.content) {
        event.preventDefault();
        about.value = { kind: "edit", message: own.message };
      }
    }
  };
  const insert = (emoji: string) => {
    const box = area.current;
    if (box) {
      box.setRangeText(emoji, box.selectionStart, box.selectionEnd, "end");
      content.value = box.value;
      setTimeout(() => box.focus());
    }
  };

  return (
    <div class="composer">
      {about.value && (
        <div class="about">
          <Icon name={isEditing ? "edit" : "reply"} turns />
          <div class="quote cuts">
            <strong>
              {isEditing ? t.editing : <Name>{t.replyingTo(about.value.message.sender.display_name)}</Name>}
            </strong>
            <span dir="auto">{summary(about.value.message)}</span>
          </div>
          <IconButton icon="close" label={t.cancel} onClick={cancel} />
        </div>
      )}
      {uploads.value.length > 0 && (
        <ul class="uploads">
          {uploads.value.map((one) => (
            <li key={one.id} class={`upload${one.error ? " bad" : ""}`}>
              {one.preview ? <img src={one.preview} alt="" /> : <Icon name="file" />}
              <span class="cuts">
                <bdi>{one.file.name}</bdi>
                {one.error ? (
                  <small role="alert">
                    {t.uploadFailed}: <bdi>{one.error}</bdi>
                  </small>
                ) : one.attachment ? (
                  <small>{fileSize(one.file.size)}</small>
                ) : (
                  <progress max={1} value={one.share} aria-label={`${t.uploading}: ${one.file.name}`} />
                )}
              </span>
              <IconButton icon="close" label={`${t.removeFile}: ${one.file.name}`} onClick={() => drop(one)} />
            </li>
          ))}
        </ul>
      )}
      <div class="box">
        <IconButton icon="attach" label={t.attach} disabled={isEditing} onClick={() => picker.current?.click()} />
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          onChange={(event) => {
            add([...(event.currentTarget.files ?? [])]);
            event.currentTarget.value = "";
          }}
        />
        <textarea
          ref={area}
          id="composer"
          rows={1}
          dir="auto"
          value={content.value}
          placeholder={t.writeMessage}
          aria-label={t.writeMessage}
          onInput={(event) => {
            content.value = event.currentTarget.value;
            if (content.peek().trim()) {
              client().typing.notify(room);
            } else {
              client().typing.stop(room);
            }
          }}
          onKeyDown={onKeyDown}
          onPaste={(event) => {
            const files = [...(event.clipboardData?.files ?? [])];
            if (files.length > 0 && !isEditing) {
              event.preventDefault();
              add(files);
            }
          }}
        />
        <Menu icon="smile" label={t.emoji} menuClass="emoji">
          {EMOJI.map((emoji) => (
            <MenuItem key={emoji} onPick={() => insert(emoji)}>
              {emoji}
            </MenuItem>
          ))}
        </Menu>
        <button
          type="button"
          class="icon-button primary"
          aria-label={isEditing ? t.save : t.send}
          title={isEditing ? t.save : t.send}
          disabled={!maySend}
          onClick={send}
        >
          {isBusy ? <Spinner isSmall /> : <Icon name={isEditing ? "check" : "send"} turns={!isEditing} />}
        </button>
      </div>
      {letters.value > max * 0.8 && (
        <p class={`letters${letters.value > max ? " over" : ""}`} role="status">
          {digits(letters.value)} / {digits(max)}
        </p>
      )}
    </div>
  );
}
