import { useSignal } from "@preact/signals";
import { postJson, type Problem, ProblemError } from "../api";

/** The link of a denial opens the form of a request, filled in; here the same request is made in place. */
function requestOf(link: string): { source: string; schema: string; table: string; privileges: string } | null {
  const url = new URL(link, location.href);
  if (url.pathname !== "/access/request") return null;
  const part = (name: string) => url.searchParams.get(name);
  const source = part("source"), schema = part("schema"), table = part("table");
  return source && schema && table ? { source, schema, table, privileges: part("privileges") ?? "read" } : null;
}

function RequestAccess({ link }: { link: string }) {
  const wanted = requestOf(link);
  const reason = useSignal(""), length = useSignal("30d"), sent = useSignal(""), problem = useSignal("");
  if (!wanted) return <p><a href={link}>Read more</a></p>;
  const submit = async (event: Event) => {
    event.preventDefault();
    problem.value = "";
    const { privileges, ...scope } = wanted;
    try {
      const made = await postJson<{ id: string }>("/api/v1/lifeguard/requests", { scope, privileges, duration: length.value, reason: reason.value });
      sent.value = made.id;
    } catch (failure) {
      problem.value = failure instanceof ProblemError ? [failure.problem.message, failure.problem.hint].filter(Boolean).join(". ") : String(failure);
    }
  };
  if (sent.value) return <p class="good" role="status">Your request {sent.value} is with the reviewers. Run this again once it is approved.</p>;
  return (
    <form class="request" onSubmit={submit}>
      <label>Why you need {wanted.source}.{wanted.schema}.{wanted.table}
        <input required maxLength={500} value={reason.value} onInput={(event) => (reason.value = event.currentTarget.value)} />
      </label>
      <label class="narrow">For
        <select value={length.value} onChange={(event) => (length.value = event.currentTarget.value)}>
          <option value="1d">a day</option><option value="7d">a week</option><option value="30d">30 days</option>
        </select>
      </label>
      <button type="submit">Request access</button>
      {problem.value && <p class="problem" role="alert">{problem.value}</p>}
    </form>
  );
}

/** The line with the mistake and a caret below it. */
function Place({ sql, problem }: { sql: string; problem: Problem }) {
  const line = problem.line ? sql.split("\n")[problem.line - 1] : undefined;
  if (line === undefined || !problem.column || line.length > 400) return null;
  return <pre class="place">{line}{"\n"}{" ".repeat(problem.column - 1)}^</pre>;
}

export function ProblemView({ problem, sql }: { problem: Problem; sql: string }) {
  return (
    <div class="problem-box" role="alert">
      <p><b>{problem.message}</b></p>
      <Place sql={sql} problem={problem} />
      {problem.detail && <p>{problem.detail}</p>}
      {problem.hint && <p class="hint">{problem.hint}</p>}
      {problem.link && <RequestAccess link={problem.link} />}
    </div>
  );
}
