/** The page that a timeline is exported into: it shows the document that stands in it, with no editor and no network. */
import { pageDataId, type PageDocument } from "../../src/timeline/export/html";
import { problemPage } from "../panels/placeholder";
import { registerControls } from "../ui";
import { PageApp } from "./pageApp";

/** The theme is a class of the body, as in the editor; here the reader's system chooses it. */
function followSystemTheme(): void {
  const [dark, contrast] = ["(prefers-color-scheme: dark)", "(prefers-contrast: more)"].map((query) => window.matchMedia(query));
  const apply = () => {
    document.body.className = contrast.matches ? (dark.matches ? "vscode-high-contrast" : "vscode-high-contrast-light") : dark.matches ? "vscode-dark" : "vscode-light";
  };
  for (const query of [dark, contrast]) query.addEventListener("change", apply);
  apply();
}

/** What was exported had been checked against its schema; what a later hand did to the file shows as a broken page. */
function documentInPage(): PageDocument {
  return JSON.parse(document.getElementById(pageDataId)?.textContent ?? "") as PageDocument;
}

registerControls();
followSystemTheme();
const root = document.getElementById("app");
try {
  if (root) new PageApp(root, documentInPage());
} catch (error) {
  root?.replaceChildren(problemPage("This page cannot show its timeline", { message: error instanceof Error ? error.message : String(error), hint: "Export the timeline again." }));
}
