/** The page of a view: one style sheet, one script, nothing else may run or load. */
import { randomBytes } from "node:crypto";
import * as vscode from "vscode";

/** Where the built view lies; the page can read nothing else. */
export function viewRoot(extensionUri: vscode.Uri): vscode.Uri {
  return vscode.Uri.joinPath(extensionUri, "dist", "webview");
}

/** @param bundle NAME of the NAME.js and NAME.css that the build makes of the view. */
export function viewHtml(webview: vscode.Webview, extensionUri: vscode.Uri, bundle: string, title: string): string {
  const nonce = randomBytes(18).toString("base64url");
  const source = (name: string) => webview.asWebviewUri(vscode.Uri.joinPath(viewRoot(extensionUri), name)).toString();
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${webview.cspSource} 'nonce-${nonce}'; script-src 'nonce-${nonce}'">
<meta property="csp-nonce" content="${nonce}">
<title>${title}</title>
<link rel="stylesheet" nonce="${nonce}" href="${source(`${bundle}.css`)}">
</head>
<body>
<div id="app"></div>
<script nonce="${nonce}" src="${source(`${bundle}.js`)}"></script>
</body>
</html>`;
}
