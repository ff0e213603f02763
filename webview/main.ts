/** The timeline view's page. */
import { App } from "./app";
import { registerControls } from "./ui";

registerControls();
const root = document.getElementById("app");
if (root) new App(root);
