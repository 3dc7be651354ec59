import { NetworkError } from "./errors.js";
import { type Http, read } from "./http.js";
import type { Attachment } from "./types.js";

/** How far an upload is. */
export interface UploadProgress {
  /** Bytes sent so far. */
  loaded: number;
  /** Bytes in all. */
  total: number;
}

/** How to upload. */
export interface UploadOptions {
  /** What to call the file; the name of a `File` by default. */
  name?: string | undefined;
  /** Called as bytes leave; where there is no `XMLHttpRequest`, at the beginning and at the end only. */
  onProgress?: ((progress: UploadProgress) => void) | undefined;
  /** Aborts it. */
  signal?: AbortSignal | undefined;
  /** Longest time for all of it in milliseconds; 10 minutes by default. */
  timeoutMs?: number | undefined;
}

const TIMEOUT_MS = 600_000;

/** Stores a file. By `XMLHttpRequest` where there is one, since `fetch` does not tell how far it is. */
export function upload(http: Http, token: string, file: Blob, options: UploadOptions): Promise<Attachment> {
  const form = new FormData();
  form.append("file", file, options.name ?? ("name" in file ? String(file.name) : "file"));
  return typeof XMLHttpRequest === "undefined"
    ? byFetch(http, token, file, form, options)
    : byRequest(http, token, file, form, options);
}

async function byFetch(
  http: Http,
  token: string,
  file: Blob,
  form: FormData,
  { onProgress, signal, timeoutMs = TIMEOUT_MS }: UploadOptions,
): Promise<Attachment> {
  onProgress?.({ loaded: 0, total: file.size });
  const attachment = await http.send<Attachment>("POST", "/v1/uploads", { token, form, signal, timeoutMs });
  onProgress?.({ loaded: file.size, total: file.size });
  return attachment;
}

function byRequest(
  http: Http,
  token: string,
  file: Blob,
  form: FormData,
  { onProgress, signal, timeoutMs = TIMEOUT_MS }: UploadOptions,
): Promise<Attachment> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    const settle = (work: () => void) => {
      signal?.removeEventListener("abort", stop);
      work();
    };
    request.open("POST", http.url("/v1/uploads"));
    for (const [name, value] of Object.entries(http.headers(token))) {
      request.setRequestHeader(name, value);
    }
    request.timeout = timeoutMs;
    if (onProgress) {
      request.upload.onprogress = ({ loaded, total }) => {
        // The form around the file counts too, and is not what a person means.
        onProgress({ loaded: Math.min(file.size, Math.round((loaded / (total || 1)) * file.size)), total: file.size });
      };
    }
    request.onload = () =>
      settle(() => {
        try {
          resolve(read<Attachment>(request.status, request.responseText, request.getResponseHeader("Retry-After")));
        } catch (error) {
          reject(error);
        }
      });
    request.onerror = () => settle(() => reject(new NetworkError(`cannot reach ${http.base.host}`)));
    request.ontimeout = () => settle(() => reject(new NetworkError("the upload took too long")));
    request.onabort = () => settle(() => reject(signal?.reason ?? new DOMException("aborted", "AbortError")));
    signal?.addEventListener("abort", stop, { once: true });
    request.send(form);
  });
}
