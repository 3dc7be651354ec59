import { Emitter, type Unsubscribe } from "./emitter.js";
import { NetworkError, ProblemError, SignedOutError } from "./errors.js";
import type { Http } from "./http.js";
import type { StoredSession, TokenStore } from "./stores.js";
import { pause } from "./timing.js";
import type { Credentials, OwnUser, Registration, Tokens } from "./types.js";

/** Why somebody is not signed in any more. */
export type SignOutReason =
  /** {@link Auth.logout} was called, here or in another tab. */
  | "logout"
  /** The session was revoked, the user banned or deleted, or the refresh token was not accepted. */
  | "revoked";

/** What {@link Auth} tells. */
export interface AuthEvents {
  /** Somebody signed in, here or in another tab, or was found signed in at the start. */
  "signed-in": OwnUser;
  /** The sign-in ended. */
  "signed-out": SignOutReason;
  /** The user's own profile changed. */
  user: OwnUser;
}

/** How often a refresh is tried again when no answer came, and how long the tries wait in milliseconds. */
const REFRESH_PAUSES = [300, 1_000, 3_000];

/**
 * Who is signed in. One refresh is in flight at a time; the successor of a refresh token is stored before it is used.
 */
export class Auth extends Emitter<AuthEvents> {
  readonly #http: Http;
  readonly #store: TokenStore;
  #session: StoredSession | null = null;
  #refreshing: Promise<StoredSession> | null = null;
  readonly #loaded: Promise<void>;
  readonly #unsubscribe: Unsubscribe | undefined;

  /** @internal */
  constructor(http: Http, store: TokenStore) {
    super();
    this.#http = http;
    this.#store = store;
    this.#loaded = this.#reload();
    // Whoever needs it is told; nobody may need it.
    this.#loaded.catch(() => {});
    this.#unsubscribe = store.subscribe?.(() => void this.#reload().catch(() => {}));
  }

  /** Who is signed in; `null` for nobody, and until {@link Auth.restore} is through. */
  get user(): OwnUser | null {
    return this.#session?.user ?? null;
  }

  /** Waits until the store was read: who is signed in from an earlier visit, or `null`. Asks no server. */
  async restore(): Promise<OwnUser | null> {
    await this.#loaded;
    return this.user;
  }

  /** Makes an account and signs in. */
  async register(registration: Registration): Promise<OwnUser> {
    return this.#signIn("/v1/auth/register", registration);
  }

  /** Signs in by username or e-mail. */
  async login(credentials: Credentials): Promise<OwnUser> {
    return this.#signIn("/v1/auth/login", credentials);
  }

  /**
   * Ends the session at the server and forgets it here. It is forgotten here even if the server cannot be reached;
   * then the promise is rejected and the session lives on at the server until it expires.
   */
  async logout(): Promise<void> {
    await this.#loaded;
    const token = await this.accessToken().catch(() => null);
    await this.forget("logout");
    if (token !== null) {
      try {
        await this.#http.send("POST", "/v1/auth/logout", { token });
      } catch (error) {
        // Ended already.
        if (!(error instanceof ProblemError && error.status === 401)) {
          throw error;
        }
      }
    }
  }

  /**
   * An access token that is good for at least `forMs` milliseconds, refreshed if need be.
   *
   * @throws SignedOutError - nobody is signed in
   * @throws NetworkError - it had to be refreshed, and the server cannot be reached
   */
  async accessToken(forMs = 10_000): Promise<string> {
    await this.#loaded;
    const session = this.#session;
    if (!session) {
      throw new SignedOutError("nobody is signed in");
    }
    if (session.expires_at - Date.now() > forMs) {
      return session.access_token;
    }
    return (await this.#refresh(session)).access_token;
  }

  /** A new access token instead of one that the server did not take. @internal */
  async replace(token: string): Promise<string> {
    await this.#loaded;
    const session = this.#session;
    if (!session) {
      throw new SignedOutError("nobody is signed in");
    }
    // Somebody else has replaced it meanwhile.
    return session.access_token === token ? (await this.#refresh(session)).access_token : session.access_token;
  }

  /** When the access token expires, in milliseconds since 1970; `null` for nobody. @internal */
  get expiresAt(): number | null {
    return this.#session?.expires_at ?? null;
  }

  /** Forgets the sign-in here. @internal */
  async forget(reason: SignOutReason): Promise<void> {
    if (this.#session) {
      this.#session = null;
      await this.#store.save(null);
      this.emit("signed-out", reason);
    }
  }

  /** Takes over what is new about oneself. @internal */
  async updateUser(user: OwnUser): Promise<void> {
    const session = this.#session;
    if (session && session.user.id === user.id) {
      this.#session = { ...session, user };
      await this.#store.save(this.#session);
      this.emit("user", user);
    }
  }

  /** Stops hearing of other tabs. @internal */
  close(): void {
    this.#unsubscribe?.();
  }

  async #signIn(path: string, body: object): Promise<OwnUser> {
    await this.#loaded;
    const tokens = await this.#http.send<Tokens>("POST", path, { body });
    // Whoever was signed in before is not any more, as far as this client goes.
    await this.forget("logout");
    await this.#take(tokens);
    this.emit("signed-in", tokens.user);
    return tokens.user;
  }

  async #take(tokens: Tokens): Promise<StoredSession> {
    const { access_token, refresh_token, user } = tokens;
    const session = { access_token, refresh_token, user, expires_at: Date.now() + tokens.expires_in * 1000 };
    await this.#store.save(session);
    this.#session = session;
    return session;
  }

  /** Reads what another tab, or an earlier visit, left. */
  async #reload(): Promise<void> {
    const before = this.#session;
    const stored = await this.#store.load();
    // A sign-in of this client's own came between.
    if (this.#session !== before) {
      return;
    }
    this.#session = stored;
    if (before && before.user.id !== stored?.user.id) {
      this.emit("signed-out", "logout");
    }
    if (stored && before?.user.id !== stored.user.id) {
      this.emit("signed-in", stored.user);
    }
  }

  #refresh(stale: StoredSession): Promise<StoredSession> {
    this.#refreshing ??= this.#refreshAlone(stale).finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #refreshAlone(stale: StoredSession): Promise<StoredSession> {
    const work = async (): Promise<StoredSession> => {
      const other = await this.#newer(stale);
      if (other) {
        return other;
      }
      for (let tried = 0; ; tried += 1) {
        try {
          const body = { refresh_token: stale.refresh_token };
          const tokens = await this.#http.send<Tokens>("POST", "/v1/auth/refresh", { body });
          if (this.#session?.refresh_token !== stale.refresh_token) {
            // Signed out while the answer was on its way.
            throw new SignedOutError("signed out meanwhile");
          }
          return await this.#take(tokens);
        } catch (error) {
          if (error instanceof ProblemError && error.status === 401) {
            const successor = await this.#newer(stale);
            if (successor) {
              return successor;
            }
            await this.forget("revoked");
            throw new SignedOutError("the sign-in has ended", { cause: error });
          }
          // The answer may be lost and the token used: within 10 seconds it gives the same successor once more.
          const wait = REFRESH_PAUSES[tried];
          if (wait === undefined || !(error instanceof NetworkError)) {
            throw error;
          }
          await pause(wait);
        }
      }
    };
    return this.#store.lock ? await this.#store.lock(work) : await work();
  }

  /** What another holder of the store has made of a session. */
  async #newer(stale: StoredSession): Promise<StoredSession | null> {
    const stored = await this.#store.load();
    if (stored && stored.user.id === stale.user.id && stored.refresh_token !== stale.refresh_token) {
      this.#session = stored;
      return stored;
    }
    return null;
  }
}
