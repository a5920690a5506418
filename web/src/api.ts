/* Requests to the server that this page came from: who asks, and errors in one form. */

/** What every part of the server answers when it refuses: see docs/reference/errors.md. */
export interface Problem {
  code: string;
  message: string;
  detail?: string;
  hint?: string;
  link?: string;
  position?: number;
  line?: number;
  column?: number;
}

export class ProblemError extends Error {
  constructor(readonly problem: Problem, readonly status = 0) {
    super(problem.message);
  }
}

/** What this tab shows the server: a token, or in the mode "local" a name.  Neither: the cookie of a sign-in, if there is one. */
const KINDS = ["token", "user"] as const;
export type CredentialKind = (typeof KINDS)[number];
const keyOf = (kind: CredentialKind) => `townlake.${kind}`;

export function keepCredential(kind: CredentialKind, value: string): void {
  forgetCredential();
  sessionStorage.setItem(keyOf(kind), value);
}

export function forgetCredential(): void {
  for (const kind of KINDS) sessionStorage.removeItem(keyOf(kind));
}

export function hasCredential(): boolean {
  return KINDS.some((kind) => sessionStorage.getItem(keyOf(kind)) !== null);
}

/** A link such as /#token=… signs this tab in; what is behind the # never reaches a server or its log. */
export function takeCredentialFromAddress(): void {
  const given = new URLSearchParams(location.hash.slice(1));
  const kind = KINDS.find((name) => given.get(name));
  if (!kind) return;
  keepCredential(kind, given.get(kind)!);
  history.replaceState(null, "", location.pathname + location.search);
}

let csrf = "1";
/** Of a browser session: the server says which word proves that a request came from this page. */
export function keepCsrf(token: string | undefined): void {
  csrf = token ?? "1";
}

export function callerHeaders(): Record<string, string> {
  const token = sessionStorage.getItem(keyOf("token")), user = sessionStorage.getItem(keyOf("user"));
  if (token) return { Authorization: `Bearer ${token}` };
  return user ? { "X-Trino-User": user } : { "X-Townlake-CSRF": csrf };
}

/** Goes to the server; what fails below HTTP (no network, server gone) is a Problem too. */
export async function send(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { ...callerHeaders(), ...(init.headers as Record<string, string> | undefined) };
  try {
    return await fetch(path, { ...init, headers, cache: "no-store" });
  } catch (failure) {
    if ((failure as Error).name === "AbortError") throw failure;
    throw new ProblemError({ code: "unreachable", message: "the server does not answer", hint: "look whether it runs, then try again" });
  }
}

export async function problemOf(response: Response): Promise<ProblemError> {
  let problem: Problem = { code: `http_${response.status}`, message: `the server answered ${response.status}` };
  try {
    const body = (await response.json()) as Problem;
    if (typeof body.message === "string") problem = body;
  } catch {
    /* not ours: a proxy's page, most likely; its status says enough */
  }
  return new ProblemError(problem, response.status);
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await send(path, signal ? { signal } : {});
  if (!response.ok) throw await problemOf(response);
  return (await response.json()) as T;
}

export async function postJson<T>(path: string, body: unknown): Promise<T> {
  const response = await send(path, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  if (!response.ok) throw await problemOf(response);
  return (await response.json()) as T;
}
