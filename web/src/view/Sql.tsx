import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { run, type Turn } from "../conversation";
import { highlighted } from "../highlight";

/** A statement as it was run; a click makes it a text that can be changed and run in its place. */
export function Sql({ turn }: { turn: Turn }) {
  const edits = useSignal(false), text = useSignal(turn.sql.value);
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (edits.value) area.current?.focus();
  }, [edits.value]);
  const again = () => {
    edits.value = false;
    turn.sql.value = text.value;
    void run(turn);
  };
  if (edits.value)
    return (
      <div class="sql editing">
        <textarea
          ref={area} aria-label="The statement" spellcheck={false} rows={Math.min(20, text.value.split("\n").length + 1)} value={text.value}
          onInput={(event) => (text.value = event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) again();
            if (event.key === "Escape") edits.value = false;
          }}
        />
        <div class="row">
          <button type="button" onClick={again}>Run</button>
          <button type="button" class="quiet" onClick={() => (edits.value = false)}>Cancel</button>
          <span class="soft">Ctrl+Enter runs it</span>
        </div>
      </div>
    );
  return (
    <div class="sql">
      <pre><code>{highlighted(turn.sql.value).map(([kind, part], at) => <span key={at} class={kind}>{part}</span>)}</code></pre>
      <button type="button" class="quiet" onClick={() => { text.value = turn.sql.value; edits.value = true; }}>Edit</button>
    </div>
  );
}
