import { render } from "preact";
import { takeCredentialFromAddress } from "./api";
import { askWhoIsIn } from "./session";
import "./style.css";
import { App } from "./view/App";

takeCredentialFromAddress();
void askWhoIsIn();
addEventListener("hashchange", () => {
  takeCredentialFromAddress();
  void askWhoIsIn();
});
render(<App />, document.getElementById("app")!);
