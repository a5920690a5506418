import { useSignal } from "@preact/signals";
import { cancel, run, type Turn } from "../conversation";
import { count, csv, duration } from "../format";
import { type Result, ROWS_MAX } from "../statement";
import { AnswerView } from "./AnswerView";
import { Chart, chartOf } from "./Chart";
import { ProblemView } from "./Problem";
import { ProofCard } from "./ProofCard";
import { Sql } from "./Sql";
import { Table } from "./Table";

function save(result: Result, name: string): void {
  const url = URL.createObjectURL(new Blob([csv(result.columns, result.rows)], { type: "text/csv;charset=utf-8" }));
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function Summary({ result }: { result: Result }) {
  const what = result.updateType
    ? result.updateCount === undefined ? result.updateType : `${result.updateType}: ${count(result.updateCount, "row")}`
    : count(result.rows.length, "row");
  return <span>{result.isCut ? `the first ${ROWS_MAX.toLocaleString()} rows` : what} · {duration(result.elapsedMs)}</span>;
}

function ResultView({ turn, result }: { turn: Turn; result: Result }) {
  const chart = chartOf(result);
  const chosen = useSignal<boolean | null>(null);
  const drawn = chosen.value ?? (turn.answer.value !== null && chart?.kind === "lines");
  const hasRows = result.columns.length > 0 && !result.updateType;
  return (
    <>
      {result.warnings.map((warning) => <p key={warning} class="notice">{warning}</p>)}
      {hasRows && (drawn && chart ? <Chart spec={chart} /> : <Table result={result} />)}
      <footer class="row soft">
        <Summary result={result} />
        <span class="grow" />
        {chart && <button type="button" class="quiet" onClick={() => (chosen.value = !drawn)}>{drawn ? "Table" : "Chart"}</button>}
        {hasRows && result.rows.length > 0 && <button type="button" class="quiet" onClick={() => save(result, `townlake-${turn.id}.csv`)}>CSV</button>}
        {!turn.answer.value && <button type="button" class="quiet" onClick={() => void run(turn)}>Run again</button>}
      </footer>
    </>
  );
}

function Running({ turn }: { turn: Turn }) {
  const progress = turn.progress.value;
  return (
    <div class="running" role="status">
      <progress max={100} {...(progress && progress.percent > 0 ? { value: progress.percent } : {})} />
      <span class="soft">{progress?.state === "QUEUED" ? "waits for its turn" : progress ? `${count(progress.rows, "row")} so far` : turn.answer.value?.thought || "starts"}</span>
      <button type="button" class="quiet" onClick={() => cancel(turn)}>Cancel</button>
    </div>
  );
}

export function TurnView({ turn }: { turn: Turn }) {
  const state = turn.state.value, result = turn.result.value, problem = turn.problem.value, answer = turn.answer.value;
  return (
    <article class="turn">
      {turn.isQuestion && <h2>{turn.text}</h2>}
      {answer && <AnswerView answer={answer} />}
      {turn.isQuestion && !answer && <p class="soft">You changed the SQL of this answer; it stands for itself now.</p>}
      {!turn.isQuestion && <Sql turn={turn} />}
      {state === "running" && <Running turn={turn} />}
      {state === "cancelled" && <p class="soft">Cancelled.</p>}
      {problem && <ProblemView problem={problem} sql={turn.sql.value} />}
      {result && (state === "done" || (answer && state === "running")) && <ResultView turn={turn} result={result} />}
      {turn.isQuestion && turn.sql.value && (
        <details class="behind" open={!answer || state === "kept"}>
          <summary><b>SQL</b></summary>
          <Sql turn={turn} />
          {state === "kept" && <button type="button" onClick={() => void run(turn)}>Run it</button>}
        </details>
      )}
      {answer?.proof && <ProofCard proof={answer.proof} />}
    </article>
  );
}
