import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { go, route } from "../state/route";
import { client, ended } from "../state/session";
import { explain, fieldErrors, paint, theme } from "../state/ui";
import { language, speak, text } from "../text";
import { Mark } from "../ui/icons";
import { Field, IconButton } from "../ui/parts";

/** Signing in, or up. Where one wanted to go stays in the address. */
export function Gate(): JSX.Element {
  const isNew = useSignal(route.value.at === "register");
  const failure = useSignal<unknown>(null);
  const isBusy = useSignal(false);
  const isShown = useSignal(false);
  const t = text.value;

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const field = (name: string) => String(form.get(name) ?? "").trim();
    const password = String(form.get("password") ?? "");
    isBusy.value = true;
    failure.value = null;
    try {
      if (isNew.value) {
        const optional = Object.fromEntries(
          ["display_name", "email"].map((name) => [name, field(name)]).filter(([, value]) => value !== ""),
        );
        await client().register({ username: field("username"), password, ...optional });
      } else {
        await client().login({ login: field("login"), password });
      }
      if (route.value.at === "login" || route.value.at === "register") {
        go({ at: "home" }, { replace: true });
      }
    } catch (error) {
      failure.value = error;
    } finally {
      isBusy.value = false;
    }
  };
  const change = (toNew: boolean) => {
    isNew.value = toNew;
    failure.value = null;
  };

  const errors = fieldErrors(failure.value);
  const known = ["username", "password", "email", "display_name", "login"];
  const isTold = known.some((name) => errors[name]);
  return (
    <main class="gate">
      <div class="card">
        <p class="brand">
          <Mark /> {t.appName}
        </p>
        <div>
          <h1>{isNew.value ? t.signUpTitle : t.signInTitle}</h1>
          <p class="lead">{isNew.value ? t.signUpLead : t.signInLead}</p>
        </div>
        {ended.value === "revoked" && (
          <p class="error-box" role="status">
            {t.signedOutElsewhere}
          </p>
        )}
        <form class="stack" onSubmit={submit} key={isNew.value ? "new" : "known"}>
          {isNew.value ? (
            <>
              <Field
                label={t.username}
                hint={t.usernameHint}
                name="username"
                autocomplete="username"
                autocapitalize="none"
                required
                maxLength={64}
                errors={errors.username}
              />
              <Field
                label={t.displayName}
                isOptional
                name="display_name"
                autocomplete="name"
                errors={errors.display_name}
              />
              <Field label={t.email} isOptional type="email" name="email" autocomplete="email" errors={errors.email} />
            </>
          ) : (
            <Field
              label={t.login}
              name="login"
              autocomplete="username"
              autocapitalize="none"
              required
              errors={errors.login}
            />
          )}
          <div class="stack tight">
            <Field
              label={t.password}
              hint={isNew.value ? t.passwordHint : undefined}
              type={isShown.value ? "text" : "password"}
              name="password"
              autocomplete={isNew.value ? "new-password" : "current-password"}
              required
              minLength={isNew.value ? 8 : 1}
              maxLength={128}
              errors={errors.password}
            />
            <label class="check">
              <input
                type="checkbox"
                checked={isShown.value}
                onChange={(event) => {
                  isShown.value = event.currentTarget.checked;
                }}
              />
              {t.showPassword}
            </label>
          </div>
          {failure.value !== null && !isTold && (
            <p class="error-box" role="alert" dir="auto">
              {explain(failure.value)}
            </p>
          )}
          <button type="submit" class="button" disabled={isBusy.value}>
            {isNew.value ? t.signUp : t.signIn}
          </button>
        </form>
        <p>
          {isNew.value ? t.haveAccount : t.noAccount}{" "}
          <button type="button" class="link-button" onClick={() => change(!isNew.value)}>
            {isNew.value ? t.signIn : t.signUp}
          </button>
        </p>
        <div class="foot">
          <button
            type="button"
            class="link-button"
            lang={language.value === "fa" ? "en" : "fa"}
            onClick={() => speak(language.value === "fa" ? "en" : "fa")}
          >
            {t.switchLanguage}
          </button>
          <a href="/chat/login/?plain">{t.plainPages}</a>
          <IconButton
            icon="sun"
            label={t.theme}
            onClick={() => paint(theme.value === "dark" ? "light" : theme.value === "light" ? "system" : "dark")}
          />
        </div>
      </div>
    </main>
  );
}
