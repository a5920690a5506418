import { useSignal } from "@preact/signals";
import { mode, signIn, signInProblem } from "../session";
import { Mark } from "./Mark";

export function SignIn() {
  const shown = useSignal("");
  const isLocal = mode.value === "local";
  const field = {
    autofocus: true, autocomplete: "off" as const, spellcheck: false, value: shown.value,
    onInput: (event: Event) => (shown.value = (event.currentTarget as HTMLInputElement).value),
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (shown.value.trim()) void signIn(isLocal && !shown.value.startsWith("tlk_") ? "user" : "token", shown.value);
  };
  return (
    <main class="sign-in">
      <h1><Mark />Town Lake</h1>
      {mode.value === "oidc" && <a class="button" href={`/auth/login?return=${encodeURIComponent(location.pathname)}`}>Sign in</a>}
      <form onSubmit={submit}>
        <label>
          {isLocal ? "Your name, or a token" : mode.value === "oidc" ? "Or with a token" : "Your token"}
          {isLocal ? <input type="text" {...field} /> : <input type="password" {...field} />}
        </label>
        <button type="submit">Continue</button>
      </form>
      {signInProblem.value && <p class="problem" role="alert">{signInProblem.value}</p>}
      <p class="soft">
        {isLocal
          ? "This server believes names, since only this machine reaches it. The demo knows admin, analyst, fraud and contractor."
          : "A token is kept in this tab only, until it is closed. You can make one with townlake token create."}
      </p>
    </main>
  );
}
