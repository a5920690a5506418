/* One SQL statement over /v1/statement, Trino's client protocol (docs/guide/connect.md). */
import { type Problem, ProblemError, problemOf, send } from "./api";
import { applyChanges, sessionHeaders } from "./session";

export interface Column {
  name: string;
  type: string;
}
export type Cell = string | number | boolean | null | Cell[] | { [key: string]: Cell };
export type Row = Cell[];

export interface Progress {
  state: string;
  percent: number;
  rows: number;
  elapsedMs: number;
}

export interface Result {
  id: string;
  columns: Column[];
  rows: Row[];
  isCut: boolean; // there are more rows than ROWS_MAX
  updateType?: string;
  updateCount?: number;
  warnings: string[];
  elapsedMs: number;
}

interface Page {
  id: string;
  nextUri?: string;
  columns?: Column[];
  data?: Row[];
  updateType?: string;
  updateCount?: number;
  warnings?: { message: string }[];
  stats: { state: string; progressPercentage?: number; processedRows?: number; elapsedTimeMillis: number };
  error?: { message: string; errorLocation?: { lineNumber: number; columnNumber: number }; townlake?: Problem };
}

/** More than a person reads; the statement is ended there and the page says so. */
export const ROWS_MAX = 10_000;

async function page(path: string, init: RequestInit): Promise<Page> {
  const response = await send(path, init);
  if (!response.ok) throw await problemOf(response);
  applyChanges(response.headers);
  return (await response.json()) as Page;
}

function fail(error: NonNullable<Page["error"]>): never {
  const problem: Problem = { ...(error.townlake ?? { code: "failed", message: error.message }) };
  if (error.errorLocation) {
    problem.line = error.errorLocation.lineNumber;
    problem.column = error.errorLocation.columnNumber;
  }
  throw new ProblemError(problem);
}

/** nextUri names the host as the server sees it; only its path counts, so that a proxy in between does not matter. */
function pathOf(uri: string): string {
  const url = new URL(uri, location.href);
  return url.pathname + url.search;
}

export async function runStatement(sql: string, signal: AbortSignal, onProgress: (progress: Progress) => void): Promise<Result> {
  const headers = { ...sessionHeaders(), "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME", "X-Trino-Source": "townlake page" };
  const result: Result = { id: "", columns: [], rows: [], isCut: false, warnings: [], elapsedMs: 0 };
  let next: string | undefined;
  const cancel = () => void (next && fetch(next, { method: "DELETE" }).catch(() => undefined));
  signal.addEventListener("abort", cancel);
  try {
    // Not ended by the signal: only its answer says where the statement can be cancelled.
    let got = await page("/v1/statement", { method: "POST", body: sql, headers });
    for (;;) {
      take(result, got);
      if (got.error) fail(got.error);
      onProgress({ state: got.stats.state, percent: got.stats.progressPercentage ?? 0, rows: result.rows.length, elapsedMs: result.elapsedMs });
      next = got.nextUri && pathOf(got.nextUri);
      if (!next) return result;
      if (signal.aborted) {
        cancel();
        signal.throwIfAborted();
      }
      if (result.rows.length >= ROWS_MAX) {
        result.isCut = true;
        result.rows.length = ROWS_MAX;
        cancel();
        return result;
      }
      got = await page(next, { signal });
    }
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

function take(result: Result, got: Page): void {
  result.id = got.id;
  result.elapsedMs = got.stats.elapsedTimeMillis;
  if (got.columns) result.columns = got.columns;
  if (got.data) for (const row of got.data) result.rows.push(row);
  if (got.updateType) result.updateType = got.updateType;
  if (got.updateCount !== undefined) result.updateCount = got.updateCount;
  if (got.warnings?.length) result.warnings = got.warnings.map((warning) => warning.message);
}
