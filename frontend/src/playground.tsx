// Starts the playground in the page that the server gave.
import "./style/theme.css";
import "./style/viewer.css";
import "./style/playground.css";
import { render } from "preact";
import { server } from "./playground/backend";
import { Playground } from "./playground/Playground";

const place = document.getElementById("playground") as HTMLElement;
place.replaceChildren();
render(<Playground backend={server} nonce={place.dataset.nonce ?? ""} icon="/assets/icon.svg" />, place);
