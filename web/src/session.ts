/* Who is signed in, and the session's properties, as the server changes them by its answers' headers. */
import { computed, signal } from "@preact/signals";
import { type CredentialKind, forgetCredential, getJson, hasCredential, keepCredential, keepCsrf, ProblemError, send } from "./api";

export interface Me {
  user: string;
  groups: string[];
  authenticated: boolean;
  by: string;
  csrf_token?: string;
}

export const me = signal<Me | null>(null);
/** "in", "out" (nobody is signed in), or "asking" while that is not known. */
export const signedIn = signal<"asking" | "in" | "out">("asking");
/** auth.mode of the server: says how one signs in. */
export const mode = signal("");
export const signInProblem = signal("");

export const properties = signal<Record<string, string>>({});
/** "true:" and the number of the choice, under which the server keeps its reason and its end. */
export const seesPersonalData = computed(() => /^true\b/.test(properties.value["pii"] ?? ""));
export const resolution = computed(() => properties.value["resolution"] ?? "exact");

export function sessionHeaders(): Record<string, string> {
  const pairs = Object.entries(properties.value).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return pairs.length ? { "X-Trino-Session": pairs.join(",") } : {};
}

/** SET SESSION and RESET SESSION come back as headers, as every client of Trino keeps them. */
export function applyChanges(headers: Headers): void {
  const set = headers.get("X-Trino-Set-Session"), cleared = headers.get("X-Trino-Clear-Session");
  if (!set && !cleared) return;
  const next = { ...properties.value };
  for (const pair of set?.split(",") ?? []) {
    const at = pair.indexOf("=");
    next[pair.slice(0, at).trim()] = decodeURIComponent(pair.slice(at + 1));
  }
  for (const name of cleared?.split(",") ?? []) delete next[name.trim()];
  properties.value = next;
}

/** Says how it is with the server, also when it is not ready (then with 503). */
async function getReady(): Promise<{ identity?: { mode?: string } }> {
  try {
    return (await (await send("/readyz")).json()) as { identity?: { mode?: string } };
  } catch {
    return {};
  }
}

export async function askWhoIsIn(): Promise<void> {
  try {
    const answer = await getJson<Me>("/api/v1/me");
    me.value = answer;
    keepCsrf(answer.csrf_token);
    signedIn.value = "in";
  } catch (failure) {
    signedIn.value = "out";
    if (hasCredential() && failure instanceof ProblemError) {
      signInProblem.value = failure.problem.message;
      forgetCredential();
    }
  }
  if (signedIn.value === "out") {
    const ready = await getReady();
    mode.value = ready.identity?.mode ?? "";
  }
}

export async function signIn(kind: CredentialKind, value: string): Promise<void> {
  signInProblem.value = "";
  keepCredential(kind, value.trim());
  await askWhoIsIn();
}

export async function signOut(): Promise<void> {
  let next = "/";
  if (hasCredential()) forgetCredential();
  else {
    const answer = (await send("/auth/logout", { method: "POST" }).then((response) => response.json()).catch(() => ({}))) as { location?: string };
    next = answer.location ?? "/";
  }
  location.assign(next);
}
