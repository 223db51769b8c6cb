/** The console: what moderators work with, opened with their own key. */

import { render } from "preact";
import "./console.css";
import { App } from "./app.js";
import { showTheme } from "./preferences.js";

showTheme();
const root = document.getElementById("console");
if (root !== null) render(<App />, root);
