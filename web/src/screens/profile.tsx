import type { Session } from "@chapar/sdk";
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { isWanted, permission, setWanted } from "../state/alerts";
import { client, leave, me, upload } from "../state/session";
import { complain, explain, fieldErrors, paint, panel, say, sheet, theme } from "../state/ui";
import { language, speak, text } from "../text";
import { ago } from "../text/format";
import { Icon } from "../ui/icons";
import { Avatar, Field, IconButton, Name, Segments, Spinner } from "../ui/parts";

/** Oneself, one's devices, and how the client looks. */
export function ProfilePanel(): JSX.Element {
  const t = text.value;
  const user = me.value;
  return (
    <aside class="panel" aria-label={t.profile}>
      <header class="bar">
        <h2 class="grow">{t.profile}</h2>
        <IconButton icon="close" label={t.close} onClick={() => (panel.value = null)} />
      </header>
      <div class="scroll">
        {user && <Picture />}
        <ProfileForm />
        <section class="stack">
          <h3>{t.appearance}</h3>
          <Segments
            label={t.language}
            value={language.value}
            options={[
              ["fa", "فارسی"],
              ["en", "English"],
            ]}
            onPick={speak}
          />
          <Segments
            label={t.theme}
            value={theme.value}
            options={[
              ["system", t.themeSystem],
              ["light", t.themeLight],
              ["dark", t.themeDark],
            ]}
            onPick={paint}
          />
          <div class="line">
            <span class="grow cuts">
              <span>{t.browserNotifications}</span>
              <small>{permission.value === "denied" ? t.browserDenied : t.browserNotificationsHint}</small>
            </span>
            <button
              type="button"
              class="button quiet small"
              disabled={permission.value === "denied"}
              aria-pressed={isWanted.value}
              onClick={() => void setWanted(!isWanted.value)}
            >
              {isWanted.value ? t.turnOff : t.turnOn}
            </button>
          </div>
          <button type="button" class="button quiet small" onClick={() => (sheet.value = "keyboard")}>
            {t.keyboard}
          </button>
        </section>
        <Sessions />
        <PasswordForm />
        <section>
          <button type="button" class="button danger" onClick={() => void leave()}>
            <Icon name="out" turns />
            {t.signOut}
          </button>
        </section>
      </div>
    </aside>
  );
}

function Picture(): JSX.Element {
  const user = me.value;
  const picker = useRef<HTMLInputElement>(null);
  const isBusy = useSignal(false);
  const change = async (file: File | undefined) => {
    if (!file) {
      return;
    }
    isBusy.value = true;
    try {
      const attachment = await upload(file, () => {}, new AbortController().signal);
      await client().rest.updateMe({ avatar: attachment.id });
    } catch (error) {
      complain(error);
    } finally {
      isBusy.value = false;
    }
  };
  return (
    <div class="hero">
      {user && <Avatar of={{ id: user.id, name: user.display_name, url: user.avatar_url }} size="large" />}
      <h3>
        <Name>{user?.display_name}</Name>
      </h3>
      <p>
        <bdi>@{user?.username}</bdi>
      </p>
      <input
        ref={picker}
        type="file"
        accept="image/*"
        hidden
        onChange={(event) => {
          void change(event.currentTarget.files?.[0]);
          event.currentTarget.value = "";
        }}
      />
      <button type="button" class="button quiet small" disabled={isBusy.value} onClick={() => picker.current?.click()}>
        {isBusy.value ? <Spinner isSmall /> : <Icon name="image" small />}
        {text.value.changeAvatar}
      </button>
    </div>
  );
}

function ProfileForm(): JSX.Element {
  const t = text.value;
  const user = me.value;
  const failure = useSignal<unknown>(null);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const email = String(form.get("email")).trim();
    failure.value = null;
    try {
      await client().rest.updateMe({
        display_name: String(form.get("display_name")),
        ...(email && email !== user?.email ? { email } : {}),
      });
      say({ kind: "word", title: t.saved });
    } catch (error) {
      failure.value = error;
    }
  };
  const errors = fieldErrors(failure.value);
  return (
    <section>
      <form class="stack" onSubmit={submit} key={user?.id}>
        <Field
          label={t.displayName}
          name="display_name"
          value={user?.display_name}
          autocomplete="name"
          errors={errors.display_name}
        />
        <Field
          label={t.email}
          isOptional
          type="email"
          name="email"
          value={user?.email ?? ""}
          autocomplete="email"
          errors={errors.email}
        />
        {failure.value !== null && Object.keys(errors).length === 0 && (
          <p class="error-box" role="alert">
            {explain(failure.value)}
          </p>
        )}
        <button type="submit" class="button small">
          {t.save}
        </button>
      </form>
    </section>
  );
}

function PasswordForm(): JSX.Element {
  const t = text.value;
  const failure = useSignal<unknown>(null);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const element = event.currentTarget as HTMLFormElement;
    const form = new FormData(element);
    failure.value = null;
    try {
      await client().rest.updateMe({
        password: String(form.get("password")),
        current_password: String(form.get("current_password")),
      });
      element.reset();
      say({ kind: "word", title: t.passwordChanged });
    } catch (error) {
      failure.value = error;
    }
  };
  const errors = fieldErrors(failure.value);
  return (
    <section>
      <h3>{t.changePassword}</h3>
      <form class="stack" onSubmit={submit}>
        <input type="text" name="username" autocomplete="username" value={me.value?.username} hidden readOnly />
        <Field
          label={t.currentPassword}
          type="password"
          name="current_password"
          autocomplete="current-password"
          required
          errors={errors.current_password}
        />
        <Field
          label={t.newPassword}
          hint={t.passwordHint}
          type="password"
          name="password"
          autocomplete="new-password"
          required
          minLength={8}
          maxLength={128}
          errors={errors.password}
        />
        {failure.value !== null && Object.keys(errors).length === 0 && (
          <p class="error-box" role="alert" dir="auto">
            {explain(failure.value)}
          </p>
        )}
        <button type="submit" class="button quiet small">
          {t.changePassword}
        </button>
      </form>
    </section>
  );
}

/** The browser and system that a `User-Agent` claims, roughly. */
function device(agent: string): string {
  const browser = /(Firefox|Edg|OPR|Chrome|Safari)\/[\d.]+/.exec(agent)?.[1] ?? agent.split("/")[0];
  const system = /(Android|iPhone|iPad|Windows|Mac OS X|Linux)/.exec(agent)?.[1];
  const names: Record<string, string> = { Edg: "Edge", OPR: "Opera", "Mac OS X": "macOS" };
  return [browser, system]
    .filter((word) => word !== undefined && word !== "")
    .map((word) => names[word as string] ?? word)
    .join(" · ");
}

function Sessions(): JSX.Element {
  const t = text.value;
  const sessions = useSignal<readonly Session[] | null>(null);
  const failure = useSignal<unknown>(null);
  const load = async () => {
    try {
      failure.value = null;
      sessions.value = await client().rest.sessions();
    } catch (error) {
      failure.value = error;
    }
  };
  useEffect(() => {
    void load();
  }, []);
  const end = async (ids: readonly Session["id"][]) => {
    try {
      for (const id of ids) {
        await client().rest.endSession(id);
      }
    } catch (error) {
      complain(error);
    }
    await load();
  };
  const others = sessions.value?.filter(({ current }) => !current) ?? [];
  return (
    <section class="stack tight">
      <h3>{t.sessions}</h3>
      <p class="field hint">{t.sessionsHint}</p>
      {failure.value ? (
        <p class="error-box" role="alert">
          {explain(failure.value)}
        </p>
      ) : !sessions.value ? (
        <Spinner />
      ) : (
        <ul>
          {sessions.value.map((session) => (
            <li key={session.id} class="line" data-session={session.id}>
              <span class="grow cuts">
                <bdi>{device(session.device) || t.unknownDevice}</bdi>
                <small>
                  <bdi>{session.address}</bdi> · {t.lastUsed(ago(new Date(session.last_used_at)))}
                </small>
              </span>
              {session.current ? (
                <span class="tag">{t.thisDevice}</span>
              ) : (
                <button type="button" class="button danger small" onClick={() => void end([session.id])}>
                  {t.endSession}
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
      {others.length > 1 && (
        <button type="button" class="button danger small" onClick={() => void end(others.map(({ id }) => id))}>
          {t.endOthers}
        </button>
      )}
    </section>
  );
}
