import { ask } from "../conversation";
import { me } from "../session";

const starters = [
  ["What is there", "SHOW CATALOGS"],
  ["Tables of the lake", "SELECT table_schema, table_name FROM lake.information_schema.tables ORDER BY 1, 2"],
  ["My last statements", "SELECT query_id, state, query FROM system.runtime.queries ORDER BY created DESC LIMIT 20"],
] as const;

export function Welcome() {
  return (
    <section class="welcome">
      <h1>Hello {me.value?.user}</h1>
      <p class="soft">One SQL interface over everything there is. What you may not see yet says how to ask for it.</p>
      <ul>
        {starters.map(([label, sql]) => (
          <li key={sql}><button type="button" class="starter" onClick={() => ask(sql)}><b>{label}</b><code>{sql}</code></button></li>
        ))}
      </ul>
    </section>
  );
}
