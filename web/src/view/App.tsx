import { turns } from "../conversation";
import { signedIn } from "../session";
import { Composer } from "./Composer";
import { SessionBar } from "./SessionBar";
import { SignIn } from "./SignIn";
import { TurnView } from "./Turn";
import { Welcome } from "./Welcome";

export function App() {
  if (signedIn.value === "asking") return null;
  if (signedIn.value === "out") return <SignIn />;
  return (
    <>
      <SessionBar />
      <main>
        {turns.value.length === 0 && <Welcome />}
        <div role="log" aria-label="Questions and answers">
          {turns.value.map((turn) => <TurnView key={turn.id} turn={turn} />)}
        </div>
      </main>
      <Composer />
    </>
  );
}
