/** The model view with 5,000 layers in a headless browser: until its rows are there, each frame of a scroll, each letter of a search. */
import { inspectionOf } from "../webview/modelDocument";
import { launchBrowser, openModelView } from "../webview/page/page";

const layers = 5000;
const frames = 300;

function quantiles(ms: readonly number[]): string {
  const sorted = [...ms].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))].toFixed(1);
  return `median ${at(0.5)} ms, 99th percentile ${at(0.99)} ms`;
}

export async function run(): Promise<void> {
  const browser = await launchBrowser();
  try {
    const view = await openModelView(browser, { width: 1920, height: 1080 });
    const message = { type: "model" as const, path: "/models/wide", name: "wide", inspection: inspectionOf({ layers }), trusted: true };
    const shown = await view.page.evaluate(async (data) => {
      const started = performance.now();
      window.postMessage(data, "*");
      while (document.querySelector(".table-body .row") === null) await new Promise(requestAnimationFrame);
      return performance.now() - started;
    }, message);
    const scroll = await view.page.evaluate(async (count) => {
      const table = document.querySelector(".table") as HTMLElement;
      const gaps: number[] = [];
      let before = await new Promise<number>(requestAnimationFrame);
      for (let frame = 0; frame < count; frame++) {
        table.scrollTop = ((frame + 1) / count) * table.scrollHeight;
        const now = await new Promise<number>(requestAnimationFrame);
        gaps.push(now - before);
        before = now;
      }
      return { gaps, rows: document.querySelectorAll(".table-body .row").length };
    }, frames);
    const letters: number[] = [];
    await view.page.keyboard.press("Control+f");
    for (const letter of "attention up.2") {
      const started = performance.now();
      await view.page.keyboard.type(letter);
      letters.push(performance.now() - started);
    }
    process.stdout.write(`${layers} layers shown after ${shown.toFixed(0)} ms, ${scroll.rows} rows in the page\n`);
    process.stdout.write(`scrolled from end to end in ${frames} frames: ${quantiles(scroll.gaps)} between frames\n`);
    process.stdout.write(`a letter of a search: ${quantiles(letters)}\n`);
  } finally {
    await browser.close();
  }
}
