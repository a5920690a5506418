import { useSignal } from "@preact/signals";
import { cellText, count, isNumeric } from "../format";
import type { Column, Result, Row } from "../statement";

const STEP = 100, SHORT = 40; // rows at first; characters that stay on one line

function compare(a: Row, b: Row, at: number, numeric: boolean): number {
  const x = a[at] ?? null, y = b[at] ?? null;
  if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1; // NULL is last either way up
  return numeric ? Number(x) - Number(y) : String(x) < String(y) ? -1 : x === y ? 0 : 1;
}

function sorted(rows: Row[], columns: Column[], by: number): Row[] {
  const at = Math.abs(by) - 1, column = columns[at];
  if (by === 0 || !column) return rows;
  const numeric = isNumeric(column.type);
  const nulls = (row: Row) => (row[at] ?? null) === null;
  return [...rows].sort((a, b) => (nulls(a) || nulls(b) ? 1 : Math.sign(by)) * compare(a, b, at, numeric));
}

export function Table({ result }: { result: Result }) {
  const shown = useSignal(STEP), by = useSignal(0); // 0: as it came; n: column n ascending; -n: descending
  const { columns } = result;
  const order = (n: number) => (by.value = by.value === n ? -n : by.value === -n ? 0 : n);
  const rows = sorted(result.rows, columns, by.value);
  if (rows.length === 0) return <p class="empty">No rows: nothing fulfils the conditions, or nothing that you may see.</p>;
  return (
    <div class="table" tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map((column, at) => (
              <th key={at} class={isNumeric(column.type) ? "number" : ""} title={column.type}
                aria-sort={by.value === at + 1 ? "ascending" : by.value === -at - 1 ? "descending" : "none"}>
                <button type="button" onClick={() => order(at + 1)}>{column.name}</button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, shown.value).map((row, n) => (
            <tr key={n}>
              {columns.map((column, at) => {
                const value = row[at] ?? null;
                const text = cellText(value, column);
                const kind = value === null ? "null" : isNumeric(column.type) ? "number" : text.length <= SHORT ? "short" : "";
                return <td key={at} class={kind}>{text}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > shown.value && (
        <button type="button" class="quiet more" onClick={() => (shown.value += 10 * STEP)}>
          {count(rows.length - shown.value, "more row")}
        </button>
      )}
    </div>
  );
}
