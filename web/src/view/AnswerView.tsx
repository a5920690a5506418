import { useSignal } from "@preact/signals";
import { postJson, ProblemError } from "../api";
import type { Answer, Proposal, Refusal } from "../ask";
import { ask } from "../conversation";
import { duration } from "../format";
import { Prose } from "./Prose";

function RefusalView({ refusal }: { refusal: Refusal }) {
  return (
    <div class="notice-box">
      <p>{refusal.reason}</p>
      {!!refusal.try?.length && (
        <p class="row">
          <span class="soft">Known words near it:</span>
          {refusal.try.map((name) => {
            const words = name.replaceAll("_", " ");
            return <button key={name} type="button" class="chip" onClick={() => ask(words)}>{words}</button>;
          })}
        </p>
      )}
    </div>
  );
}

/** What would change something is done only when the person says so; it is then the person's own call. */
function ProposalView({ proposal }: { proposal: Proposal }) {
  const state = useSignal<"open" | "busy" | "done">("open"), problem = useSignal("");
  const confirm = async () => {
    state.value = "busy";
    problem.value = "";
    try {
      await postJson(`/api/v1/tools/${encodeURIComponent(proposal.tool)}`, proposal.arguments);
      state.value = "done";
    } catch (failure) {
      problem.value = failure instanceof ProblemError ? failure.problem.message : String(failure);
      state.value = "open";
    }
  };
  return (
    <div class="notice-box">
      <p>Skipper proposes <b>{proposal.tool.replaceAll("_", " ")}</b>; nothing is done yet.</p>
      <pre>{JSON.stringify(proposal.arguments, null, 2)}</pre>
      {state.value === "done" ? <p class="good" role="status">Done.</p>
        : <button type="button" disabled={state.value === "busy"} onClick={() => void confirm()}>Do it</button>}
      {problem.value && <p class="problem" role="alert">{problem.value}</p>}
    </div>
  );
}

function Steps({ answer }: { answer: Answer }) {
  if (!answer.steps.length) return null;
  return (
    <details class="steps">
      <summary class="soft">{answer.steps.filter((step) => step.done).length} of {answer.steps.length} steps{answer.thought && `: ${answer.thought}`}</summary>
      <ol>{answer.steps.map((step) => (
        <li key={step.id} class={step.failed ? "doubt" : ""}>{step.name.replaceAll("_", " ")} <span class="soft">{step.done ? duration(step.elapsedMs) : "…"}</span></li>
      ))}</ol>
    </details>
  );
}

/** What is said above the rows. */
export function AnswerView({ answer }: { answer: Answer }) {
  return (
    <>
      {answer.reading && <p class="reading"><span class="soft">Read as</span> {answer.reading}</p>}
      <Steps answer={answer} />
      {answer.refusal && <RefusalView refusal={answer.refusal} />}
      {answer.text && <Prose text={answer.text} />}
      {answer.proposals.map((proposal) => <ProposalView key={proposal.id} proposal={proposal} />)}
      {answer.memories.map((memory) => <p key={memory} class="soft">Remembered: {memory}</p>)}
      {answer.findings.map((finding) => <p key={finding.text} class={finding.weight === "note" ? "notice quiet-notice" : "notice"}>{finding.text}</p>)}
    </>
  );
}
