import { useSignal } from "@preact/signals";
import { ProblemError } from "../api";
import { startAnew, turns } from "../conversation";
import { me, properties, resolution, seesPersonalData, signOut } from "../session";
import { runStatement } from "../statement";
import { Mark } from "./Mark";

/** Session properties are set as every client sets them, so that the server checks the right to at the flip. */
async function set(statement: string): Promise<string> {
  try {
    await runStatement(statement, new AbortController().signal, () => undefined);
    return "";
  } catch (failure) {
    return failure instanceof ProblemError ? [failure.problem.message, failure.problem.hint].filter(Boolean).join(". ") : String(failure);
  }
}

const text = (value: string) => `'${value.replaceAll("'", "''")}'`;

function PersonalData() {
  const asks = useSignal(false), reason = useSignal(""), problem = useSignal("");
  const off = async () => {
    problem.value = await set("RESET SESSION pii");
    const { pii: _pii, pii_reason: _reason, ...rest } = properties.value;
    properties.value = rest;
  };
  const on = async (event: Event) => {
    event.preventDefault();
    problem.value = await set(`SET SESSION pii_reason = ${text(reason.value.trim())}`) || (await set("SET SESSION pii = true"));
    asks.value = problem.value !== "";
  };
  return (
    <div class="pii">
      <button
        type="button" role="switch" aria-label="Personal data" aria-checked={seesPersonalData.value} class="switch"
        onClick={() => (seesPersonalData.value ? void off() : (asks.value = !asks.value))}
      >
        <span>Personal data</span>
      </button>
      {asks.value && (
        <form class="popover" onSubmit={on}>
          <label>
            Why do you need it?
            <input required autofocus maxLength={200} value={reason.value} onInput={(event) => (reason.value = event.currentTarget.value)} />
          </label>
          <p class="soft">It shows unmasked where your groups allow it, for this session only. The reason is kept with every statement.</p>
          {problem.value && <p class="problem" role="alert">{problem.value}</p>}
          <div class="row">
            <button type="submit">Show it</button>
            <button type="button" class="quiet" onClick={() => (asks.value = false)}>Cancel</button>
          </div>
        </form>
      )}
    </div>
  );
}

export function SessionBar() {
  const choose = (event: Event) => void set(`SET SESSION resolution = ${text((event.currentTarget as HTMLSelectElement).value)}`);
  return (
    <header class={seesPersonalData.value ? "bar personal" : "bar"}>
      <a class="brand" href="/"><Mark /><span>Town Lake</span></a>
      {turns.value.length > 0 && <button type="button" class="quiet" onClick={startAnew}>New</button>}
      <label class="resolution" title="exact reads everything; fast may read samples, and says so">
        <span>Answers</span>
        <select value={resolution.value} onChange={choose}>
          <option value="exact">exact</option>
          <option value="fast">fast</option>
          <option value="auto">auto</option>
        </select>
      </label>
      <PersonalData />
      <details class="who">
        <summary>{me.value?.user}</summary>
        <div class="popover">
          <p>{me.value?.groups.length ? `Groups: ${me.value.groups.join(", ")}` : "No groups"}</p>
          <button type="button" class="quiet" onClick={() => void signOut()}>Sign out</button>
        </div>
      </details>
    </header>
  );
}
