/* A question in words over /api/v1/ask: what came so far, as one value that grows. */
import { type Problem, problemOf, ProblemError, send } from "./api";
import { readEvents } from "./events";
import type { Column, Row } from "./statement";

export interface Finding {
  kind?: string;
  weight?: "note" | "doubt" | "wrong";
  text: string;
}

export interface Proof {
  answered_by: string;
  language_model: boolean;
  model?: string;
  grain?: string;
  filters?: string[];
  tables?: { name: string; description?: string; sampled?: boolean; listed_at_us?: number; masks?: Record<string, string>; row_rules?: number }[];
  joins?: { from: string; to: string[]; rows_in?: number; rows_joined?: number; rows_used?: number }[];
  notes?: string[];
  checks?: { check: string; passed: boolean }[];
  resolution?: string;
  confidence?: string;
}

export interface Step {
  id: string;
  name: string;
  done: boolean;
  failed: boolean;
  elapsedMs: number;
}

export interface Proposal {
  id: string;
  tool: string;
  arguments: unknown;
}

export interface Refusal {
  reason: string;
  unplaced?: string[];
  try?: string[];
  by?: string;
}

export interface Answer {
  reading: string;
  by: string;
  thought: string;
  text: string;
  sql: string;
  columns: Column[];
  rows: Row[];
  hasRows: boolean;
  steps: Step[];
  findings: Finding[];
  proposals: Proposal[];
  memories: string[];
  proof: Proof | null;
  refusal: Refusal | null;
  conversation: string;
}

export const noAnswer: Answer = {
  reading: "", by: "", thought: "", text: "", sql: "", columns: [], rows: [], hasRows: false,
  steps: [], findings: [], proposals: [], memories: [], proof: null, refusal: null, conversation: "",
};

type Take = (answer: Answer, data: never) => Partial<Answer>;

const takers: Record<string, Take> = {
  reading: (_, data: { reading: string; by: string }) => ({ reading: data.reading, by: data.by }),
  thought: (_, data: { text: string }) => ({ thought: data.text }),
  text_piece: (answer, data: { text: string }) => ({ text: answer.text + data.text }),
  text: (_, data: { text: string }) => ({ text: data.text }),
  sql: (_, data: string) => ({ sql: data }),
  columns: (_, data: Column[]) => ({ columns: data, rows: [], hasRows: true }),
  rows: (answer, data: Row[]) => ({ rows: answer.rows.concat(data) }),
  finding: (answer, data: Finding) => ({ findings: [...answer.findings, data] }),
  proof: (_, data: Proof) => ({ proof: data }),
  refusal: (_, data: Refusal) => ({ refusal: data }),
  memories: (_, data: { text: string }[]) => ({ memories: data.map((memory) => memory.text) }),
  proposal: (answer, data: Proposal) => ({ proposals: [...answer.proposals, data] }),
  done: (_, data: { conversation: string }) => ({ conversation: data.conversation }),
  tool_start: (answer, data: { id: string; name: string }) => ({
    steps: [...answer.steps, { id: data.id, name: data.name, done: false, failed: false, elapsedMs: 0 }],
  }),
  tool_end: (answer, data: { id: string; failed: boolean; elapsed_ms: number }) => ({
    steps: answer.steps.map((step) => (step.id === data.id ? { ...step, done: true, failed: data.failed, elapsedMs: data.elapsed_ms } : step)),
  }),
};

/** Kinds of events that this page does not know are those of a newer server: left out. */
export async function askQuestion(question: string, conversation: string, signal: AbortSignal, onChange: (answer: Answer) => void): Promise<void> {
  const body = JSON.stringify(conversation ? { question, conversation } : { question });
  const headers = { "Content-Type": "application/json", Accept: "text/event-stream" };
  const response = await send("/api/v1/ask", { method: "POST", body, headers, signal });
  if (!response.ok || !response.body) throw await problemOf(response);
  let answer = noAnswer;
  for await (const { kind, data } of readEvents(response.body)) {
    if (kind === "error") throw new ProblemError(data as Problem);
    const take = takers[kind];
    if (!take) continue;
    answer = { ...answer, ...take(answer, data as never) };
    onChange(answer);
  }
  if (!answer.conversation) throw new ProblemError({ code: "cut", message: "the answer was cut off", hint: "ask again" });
}
