import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { getJson } from "../api";
import { ask, reopen } from "../conversation";
import { me } from "../session";

const EXAMPLES_MAX = 6, CONVERSATIONS_MAX = 5;

interface Conversation {
  id: string;
  title: string;
}

export function Welcome() {
  const examples = useSignal<string[]>([]), earlier = useSignal<Conversation[]>([]);
  useEffect(() => {
    // Both only help; without them the page still answers.
    getJson<{ models: { examples: string[] }[] }>("/api/v1/semantic-models")
      .then((answer) => (examples.value = answer.models.flatMap((model) => model.examples).slice(0, EXAMPLES_MAX)))
      .catch(() => undefined);
    getJson<{ conversations: Conversation[] }>("/api/v1/conversations")
      .then((answer) => (earlier.value = answer.conversations.slice(0, CONVERSATIONS_MAX)))
      .catch(() => undefined);
  }, []);
  return (
    <section class="welcome">
      <h1>Hello {me.value?.user}</h1>
      <p class="soft">Ask in words or in SQL. Each answer comes with its SQL and what it rests on; what you may not see yet says how to ask for it.</p>
      <ul class="starters">
        {examples.value.map((example) => (
          <li key={example}><button type="button" class="starter" onClick={() => ask(example)}>{example}</button></li>
        ))}
        <li><button type="button" class="starter" onClick={() => ask("SHOW CATALOGS")}><code>SHOW CATALOGS</code></button></li>
      </ul>
      {earlier.value.length > 0 && (
        <>
          <h2>Earlier</h2>
          <ul>
            {earlier.value.map(({ id, title }) => (
              <li key={id}><button type="button" class="quiet" onClick={() => void reopen(id)}>{title}</button></li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}
