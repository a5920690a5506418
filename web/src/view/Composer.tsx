import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ask, turns } from "../conversation";

const TEXT_MAX = 100_000;

export function Composer() {
  const text = useSignal(""), problem = useSignal("");
  const box = useRef<HTMLTextAreaElement>(null);
  const back = useRef(0); // how many turns back the arrow key has gone

  useEffect(() => {
    const area = box.current!;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, innerHeight / 3)}px`;
  }, [text.value]);

  const submit = () => {
    const asked = text.value.trim();
    if (!asked) return;
    if (asked.length > TEXT_MAX) {
      problem.value = `That is ${asked.length.toLocaleString()} characters; ${TEXT_MAX.toLocaleString()} are read at most.`;
      return;
    }
    problem.value = "";
    text.value = "";
    back.current = 0;
    ask(asked);
    requestAnimationFrame(() => document.querySelector(".turn:last-child")?.scrollIntoView());
  };

  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    } else if (event.key === "ArrowUp" && (text.value === "" || back.current > 0)) {
      const older = turns.value[turns.value.length - back.current - 1];
      if (!older) return;
      event.preventDefault();
      back.current++;
      text.value = older.text;
    } else if (event.key === "Escape") {
      text.value = "";
      back.current = 0;
    }
  };

  return (
    <form class="composer" onSubmit={(event) => { event.preventDefault(); submit(); }}>
      {problem.value && <p class="problem" role="alert">{problem.value}</p>}
      <div class="box">
        <textarea
          ref={box} rows={1} value={text.value} onInput={(event) => (text.value = event.currentTarget.value)} onKeyDown={onKey} autofocus
          aria-label="Your question or statement" placeholder="Ask in words, or write SQL"
        />
        <button type="submit" aria-label="Run" disabled={!text.value.trim()}>
          <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M5 12h13M12 5l7 7-7 7" /></svg>
        </button>
      </div>
    </form>
  );
}
