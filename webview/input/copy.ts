/** Ctrl+C on the view: text marked by hand and what stands in a field is the browser's to copy, everything else the view's. */
export function listenToCopy(copy: () => void): void {
  document.addEventListener("copy", (event) => {
    const isField = event.target instanceof Element && event.target.closest("input, textarea, vscode-text-field") !== null;
    if (isField || window.getSelection()?.toString()) return;
    event.preventDefault();
    copy();
  });
}
