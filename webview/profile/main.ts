/** The profile view's page. */
import { registerControls } from "../ui";
import { ProfileApp } from "./app";

registerControls();
const root = document.getElementById("app");
if (root) new ProfileApp(root);
