/** The model view's page. */
import { registerControls } from "../ui";
import { ModelApp } from "./app";

registerControls();
const root = document.getElementById("app");
if (root) new ModelApp(root);
