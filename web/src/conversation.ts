/* What was asked on this page and what came of it, newest last: statements, and questions in words. */
import { type Signal, signal } from "@preact/signals";
import { getJson, type Problem, ProblemError } from "./api";
import { type Answer, askQuestion, noAnswer } from "./ask";
import { type Progress, type Result, runStatement } from "./statement";

export interface Turn {
  id: number;
  text: string; // as it was typed
  isQuestion: boolean;
  sql: Signal<string>;
  state: Signal<"running" | "done" | "failed" | "cancelled" | "kept">; // kept: of an earlier day, not run now
  progress: Signal<Progress | null>;
  result: Signal<Result | null>;
  answer: Signal<Answer | null>; // of a question; null again once a person has changed its SQL
  problem: Signal<Problem | null>;
  stop: AbortController;
}

const TURNS_MAX = 50; // older ones leave the page; the server keeps them

export const turns = signal<Turn[]>([]);
/** The server's name for what questions here follow up on; "" = the next question begins one. */
export const conversation = signal("");
let lastId = 0;

function newTurn(text: string, isQuestion: boolean): Turn {
  return {
    id: ++lastId, text, isQuestion, sql: signal(isQuestion ? "" : text), state: signal("running"), progress: signal(null), result: signal(null),
    answer: signal(isQuestion ? noAnswer : null), problem: signal(null), stop: new AbortController(),
  };
}

async function follow(turn: Turn, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  turn.stop.abort();
  const stop = (turn.stop = new AbortController());
  turn.state.value = "running";
  turn.problem.value = null;
  turn.progress.value = null;
  try {
    await work(stop.signal);
    if (turn.stop === stop && !stop.signal.aborted) turn.state.value = "done";
  } catch (failure) {
    if (turn.stop !== stop || (failure as Error).name === "AbortError") return;
    turn.problem.value = failure instanceof ProblemError ? failure.problem : { code: "failed", message: String(failure) };
    turn.state.value = "failed";
  }
}

/** The turn's statement, as it stands now, as a statement of the person's own. */
export async function run(turn: Turn): Promise<void> {
  turn.answer.value = null;
  await follow(turn, async (stop) => {
    const result = await runStatement(turn.sql.value, stop, (progress) => (turn.progress.value = progress));
    turn.result.value = result;
  });
}

async function question(turn: Turn): Promise<void> {
  const started = performance.now();
  await follow(turn, (stop) =>
    askQuestion(turn.text, conversation.value, stop, (answer) => {
      turn.answer.value = answer;
      turn.sql.value = answer.sql;
      if (answer.hasRows)
        turn.result.value = {
          id: "", columns: answer.columns, rows: answer.rows, isCut: false, warnings: [], elapsedMs: Math.round(performance.now() - started),
        };
      if (answer.conversation) conversation.value = answer.conversation;
    }),
  );
}

export function cancel(turn: Turn): void {
  turn.stop.abort();
  turn.state.value = "cancelled";
}

/* Words that begin a statement, with what must follow where English sentences begin alike ("show me ..", "set up ..", "with ..").  */
const STATEMENT =
  /^\s*(?:--|\/\*|\(\s*select\b|(?:select|explain|execute|prepare|deallocate|truncate|merge|call|use)\s+\S|values\s*[(\d']|with\s+(?:recursive\s+)?["\w]+\s*(?:\(|as\b)|show\s+(?:catalogs|schemas|tables|columns|functions|session|create|stats)\b|desc(?:ribe)?\s+[\w".]+\s*$|(?:re)?set\s+session\b|(?:create|alter|drop)\s+(?:or\s+replace\s+)?(?:table|view|schema)\b|insert\s+into\b|delete\s+from\b|update\s+\S+\s+set\b|table\s+[\w".]+\s*$|comment\s+on\b|(?:start\s+transaction|commit|rollback)\b)/i;

export function isStatement(text: string): boolean {
  return STATEMENT.test(text);
}

export function ask(text: string): void {
  const turn = newTurn(text, !isStatement(text));
  turns.value = [...turns.value.slice(-TURNS_MAX + 1), turn];
  void (turn.isQuestion ? question(turn) : run(turn));
}

export function startAnew(): void {
  for (const turn of turns.value) turn.stop.abort();
  turns.value = [];
  conversation.value = "";
}

interface KeptTurn {
  question: string;
  state: string;
  reading: string | null;
  sql: string | null;
}

/** An earlier conversation: its questions and their SQL; rows are not kept, since rights may have changed. */
export async function reopen(id: string): Promise<void> {
  const { turns: kept } = await getJson<{ turns: KeptTurn[] }>(`/api/v1/conversations/${encodeURIComponent(id)}`);
  startAnew();
  conversation.value = id;
  turns.value = kept.slice(-TURNS_MAX).map((old) => {
    const turn = newTurn(old.question, true);
    turn.sql.value = old.sql ?? "";
    turn.answer.value = { ...noAnswer, reading: old.reading ?? "" };
    turn.state.value = "kept";
    return turn;
  });
}
