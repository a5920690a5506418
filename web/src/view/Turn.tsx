import { useSignal } from "@preact/signals";
import { cancel, run, type Turn } from "../conversation";
import { count, csv, duration } from "../format";
import { type Result, ROWS_MAX } from "../statement";
import { Chart, chartOf } from "./Chart";
import { ProblemView } from "./Problem";
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
  const drawn = useSignal(false);
  const hasRows = result.columns.length > 0 && !result.updateType;
  return (
    <>
      {result.warnings.map((warning) => <p key={warning} class="notice">{warning}</p>)}
      {hasRows && (drawn.value && chart ? <Chart spec={chart} /> : <Table result={result} />)}
      <footer class="row soft">
        <Summary result={result} />
        <span class="grow" />
        {chart && <button type="button" class="quiet" onClick={() => (drawn.value = !drawn.value)}>{drawn.value ? "Table" : "Chart"}</button>}
        {hasRows && result.rows.length > 0 && <button type="button" class="quiet" onClick={() => save(result, `townlake-${turn.id}.csv`)}>CSV</button>}
        <button type="button" class="quiet" onClick={() => void run(turn)}>Run again</button>
      </footer>
    </>
  );
}

function Running({ turn }: { turn: Turn }) {
  const progress = turn.progress.value;
  return (
    <div class="running" role="status">
      <progress max={100} {...(progress && progress.percent > 0 ? { value: progress.percent } : {})} />
      <span class="soft">{progress?.state === "QUEUED" ? "waits for its turn" : progress ? `${count(progress.rows, "row")} so far` : "starts"}</span>
      <button type="button" class="quiet" onClick={() => cancel(turn)}>Cancel</button>
    </div>
  );
}

export function TurnView({ turn }: { turn: Turn }) {
  const state = turn.state.value, result = turn.result.value, problem = turn.problem.value;
  return (
    <article class="turn">
      <Sql turn={turn} />
      {state === "running" && <Running turn={turn} />}
      {state === "cancelled" && <p class="soft">Cancelled.</p>}
      {problem && <ProblemView problem={problem} sql={turn.sql.value} />}
      {state === "done" && result && <ResultView turn={turn} result={result} />}
    </article>
  );
}
