/* On what an answer rests: tables, grain, filters, joins with their counts, rules in force, checks. */
import type { Proof } from "../ask";
import { count } from "../format";

const CHECKS: Record<string, string> = {
  fan_out: "no row is counted twice by a join", no_partner: "every row has its partner", no_rows: "conditions leave rows", nulls: "few values are missing",
  period_open: "the period is over", period_incomplete: "data covers the period", cut: "nothing was cut off",
};

function Rules({ table }: { table: NonNullable<Proof["tables"]>[number] }) {
  const masks = Object.entries(table.masks ?? {}).map(([column, mask]) => `${column}: ${mask}`);
  const parts = [masks.length && `masked for you: ${masks.join(", ")}`, table.row_rules && `${count(table.row_rules, "row rule")} in force`, table.sampled && "sampled"];
  return <>{parts.filter(Boolean).map((part) => <span key={String(part)} class="tag">{part}</span>)}</>;
}

export function ProofCard({ proof }: { proof: Proof }) {
  const failed = (proof.checks ?? []).filter((check) => !check.passed).length;
  return (
    <details class="proof">
      <summary>
        <b>Proof</b>
        <span class="soft"> · {proof.language_model ? `by ${proof.answered_by}` : "no language model"} · {proof.resolution ?? "exact"}</span>
        {proof.checks && <span class={failed ? "tag doubt" : "tag good"}>{failed ? count(failed, "check") + " to look at" : "all checks passed"}</span>}
      </summary>
      <dl>
        {proof.confidence && <><dt>Confidence</dt><dd>{proof.confidence}</dd></>}
        {proof.grain && <><dt>Grain</dt><dd>{proof.grain}</dd></>}
        {!!proof.tables?.length && (
          <><dt>Tables</dt><dd>{proof.tables.map((table) => (
            <div key={table.name}><code>{table.name}</code> <span class="soft">{table.description}</span> <Rules table={table} /></div>
          ))}</dd></>
        )}
        {!!proof.filters?.length && <><dt>Filters</dt><dd>{proof.filters.map((filter) => <div key={filter}><code>{filter}</code></div>)}</dd></>}
        {!!proof.joins?.length && (
          <><dt>Joins</dt><dd>{proof.joins.map((join, at) => (
            <div key={at}>{join.from} with {join.to.join(", ")}{join.rows_in !== undefined && (
              <span class="soft">: {count(join.rows_in, "row")} in, {join.rows_joined?.toLocaleString()} joined, {join.rows_used?.toLocaleString()} used</span>
            )}</div>
          ))}</dd></>
        )}
        {!!proof.notes?.length && <><dt>Notes</dt><dd>{proof.notes.map((note) => <div key={note}>{note}</div>)}</dd></>}
        {!!proof.checks?.length && (
          <><dt>Checks</dt><dd>{proof.checks.map(({ check, passed }) => (
            <div key={check} class={passed ? "" : "doubt"}>{passed ? "✓" : "!"} {CHECKS[check] ?? check}</div>
          ))}</dd></>
        )}
      </dl>
    </details>
  );
}
