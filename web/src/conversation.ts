/* What was asked on this page and what came of it, newest last. */
import { type Signal, signal } from "@preact/signals";
import { type Problem, ProblemError } from "./api";
import { type Progress, type Result, runStatement } from "./statement";

export interface Turn {
  id: number;
  text: string; // as it was typed
  sql: Signal<string>;
  state: Signal<"running" | "done" | "failed" | "cancelled">;
  progress: Signal<Progress | null>;
  result: Signal<Result | null>;
  problem: Signal<Problem | null>;
  stop: AbortController;
}

const TURNS_MAX = 50; // older ones leave the page; the server's history keeps them

export const turns = signal<Turn[]>([]);
let lastId = 0;

function newTurn(text: string): Turn {
  return {
    id: ++lastId, text, sql: signal(text), state: signal("running"), progress: signal(null), result: signal(null), problem: signal(null),
    stop: new AbortController(),
  };
}

/** The same statement run again, or another in its place. */
export async function run(turn: Turn): Promise<void> {
  turn.stop.abort();
  const stop = (turn.stop = new AbortController());
  turn.state.value = "running";
  turn.problem.value = null;
  turn.progress.value = null;
  try {
    const result = await runStatement(turn.sql.value, stop.signal, (progress) => (turn.progress.value = progress));
    if (turn.stop !== stop) return;
    turn.result.value = result;
    turn.state.value = "done";
  } catch (failure) {
    if (turn.stop !== stop) return;
    if ((failure as Error).name === "AbortError") turn.state.value = "cancelled";
    else {
      turn.problem.value = failure instanceof ProblemError ? failure.problem : { code: "failed", message: String(failure) };
      turn.state.value = "failed";
    }
  }
}

export function cancel(turn: Turn): void {
  turn.stop.abort();
  turn.state.value = "cancelled";
}

export function ask(text: string): void {
  const turn = newTurn(text);
  turns.value = [...turns.value.slice(-TURNS_MAX + 1), turn];
  void run(turn);
}
