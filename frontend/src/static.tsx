// Starts the playground that needs no server. What it knows of the package stands in the page as data.
import "./style/theme.css";
import "./style/viewer.css";
import "./style/playground.css";
import { render } from "preact";
import { InBrowser } from "./browser/backend";
import type { Settings } from "./playground/backend";
import { Playground } from "./playground/Playground";

const place = document.getElementById("playground") as HTMLElement;
const known = JSON.parse((document.getElementById("settings") as HTMLElement).textContent ?? "") as Settings;
place.replaceChildren();
render(<Playground backend={new InBrowser(document.baseURI, known)} nonce="" icon="icon.svg" />, place);
