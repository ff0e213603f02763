/** A dry run as text for a person: where, what is sent, what runs, what is predicted. */
import type { PreparedLaunch } from "../launch";

export function describeLaunch({ document, predicted, steps }: PreparedLaunch): string {
  const lines = [
    `Run         ${document.place.runId}`,
    `Target      ${document.targetName ?? document.place.kind}: ${document.worldSize} processes in ${document.place.folder}/${document.place.runId}`,
    `Connection  ${document.connection.join(" ")}   (scripts on its standard input)`,
    `Interpreter ${document.interpreter}, with ${document.requirements.map(({ name, version }) => `${name} ${version}`).join(", ")}`,
    `Predicted   ${predicted.periodMs.toFixed(1)} ms for each of ${steps} steps, ${((predicted.periodMs * steps) / 1000).toFixed(0)} s in all`,
    ...document.notices.map((notice) => `Note        ${notice}`),
    "",
    "To be there (contents that the target has are not sent again):",
    ...Object.entries(document.trees).map(([name, tree]) => `  ${name.padEnd(8)} ${tree.files.length} files, ${tree.bytes} bytes, sha256 ${tree.sha256.slice(0, 16)}… from ${tree.source}`),
    ...document.files.map((file) => `  ${file.path.padEnd(13)} ${file.bytes} bytes, sha256 ${file.sha256.slice(0, 16)}…`),
    "",
    ...document.files.filter((file) => file.path.endsWith(".sh") && file.text !== "").flatMap((file) => [`${file.path}:`, ...file.text.trimEnd().split("\n").map((line) => `  ${line}`), ""]),
    "Nothing was sent or started.",
  ];
  return `${lines.join("\n")}\n`;
}
