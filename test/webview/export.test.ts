import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import type { Timeline } from "../../src/model/timeline";
import { predictPlan } from "../../src/plan/predict";
import { isPng } from "../../src/protocol/pictures";
import type { ViewMessage } from "../../src/protocol/messages";
import { contextOf } from "../../src/simulate/context";
import { timelineToHtml } from "../../src/timeline/export/html";
import { timelineToSvg } from "../../src/timeline/export/svg";
import { clusterOf, planOf, profile } from "./documents";
import { launchBrowser, openView, type ViewPage } from "./page/page";
import { openPlanPage } from "./page/planPage";

const timeline = predictPlan(planOf(2, 4), contextOf(profile, clusterOf(2))).timeline;

describe("a timeline taken out of the editor", function () {
  this.timeout(60_000);
  let browser: Browser;
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());

  describe("as an HTML page", () => {
    let folder: string;
    let page: Page;
    let requests: string[];
    let complaints: string[];
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "diffusionpipe-page-"));
    });
    after(() => rm(folder, { recursive: true, force: true }));
    afterEach(() => page.close());

    async function open(name: string, shown: Timeline, colorScheme: "dark" | "light" = "dark", width = 1280): Promise<void> {
      const file = join(folder, "page.html");
      await writeFile(file, timelineToHtml(await readFile("dist/timeline.html", "utf8"), name, shown));
      page = await browser.newPage({ viewport: { width, height: 760 }, colorScheme, offline: true, permissions: ["clipboard-read", "clipboard-write"] });
      requests = [];
      complaints = [];
      page.on("request", (request) => requests.push(request.url()));
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("console", (line) => {
        if (line.type() !== "log") complaints.push(line.text());
      });
      await page.goto(pathToFileURL(file).href);
      await page.locator(".plot canvas").waitFor();
    }
    const title = () => page.locator(".details-title").innerText();
    const ticks = () => page.locator(".axis-ticks").textContent();
    const clickLane = async (share: number) => {
      const box = await page.locator(".plot").boundingBox();
      assert.ok(box);
      await page.mouse.click(box.x + box.width * share, box.y + 20);
    };

    it("is one file that asks for nothing, keeps its policy, and shows figures and lanes", async () => {
      await open("small", timeline);
      assert.deepEqual(requests.length, 1, requests.join(" "));
      assert.deepEqual(complaints, []);
      assert.match(await page.locator(".figures").innerText(), /small[^]*Predicted, 2 devices[^]*Period[^]*Bubble ratio/i);
      assert.equal(await page.title(), "small");
      const painted = await page.locator(".plot canvas").evaluate((canvas: HTMLCanvasElement) => new Set(canvas.getContext("2d")?.getImageData(0, 0, canvas.width, 20).data).size);
      assert.ok(painted > 10, "the canvas is blank");
      assert.equal(await page.locator(".legend li").count(), 6);
    });

    it("keeps details, keys and zoom", async () => {
      await open("small", timeline);
      await clickLane(0.03);
      assert.match(await title(), /Forward/);
      await page.keyboard.press(".");
      assert.match(await page.locator(".details .facts").innerText(), /Micro-batch\s+1/);
      const whole = await ticks();
      await page.keyboard.press("f");
      await page.waitForFunction((before) => document.querySelector(".axis-ticks")?.textContent !== before, whole);
      await page.keyboard.press("Escape");
      assert.match(await title(), /Devices/);
      await page.keyboard.press("f");
      await page.waitForFunction((before) => document.querySelector(".axis-ticks")?.textContent === before, whole);
      await page.keyboard.press("?");
      const help = await page.locator("dialog.keys").innerText();
      assert.match(help, /Zoom in at the pointer/);
      assert.ok(!/boundary/i.test(help), "it lists nothing that the page cannot do");
      assert.deepEqual(complaints, []);
    });

    it("copies the selected slice's figures", async () => {
      await open("small", timeline);
      await clickLane(0.03);
      await page.keyboard.press("y");
      await page.getByText("on the clipboard").waitFor({ state: "attached" });
      const [titles, values] = (await page.evaluate(() => navigator.clipboard.readText())).trimEnd().split(/\r?\n/).map((line) => line.split("\t"));
      assert.equal(values[titles.indexOf("op")], "F");
    });

    it("follows the system's colours, also when they change", async () => {
      await open("small", timeline, "light");
      const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const corner = () => page.locator(".plot canvas").evaluate((canvas: HTMLCanvasElement) => [...(canvas.getContext("2d")?.getImageData(canvas.width - 2, canvas.height - 2, 1, 1).data ?? [])].slice(0, 3));
      assert.equal(await background(), "rgb(255, 255, 255)");
      await page.emulateMedia({ colorScheme: "dark" });
      await page.waitForTimeout(200);
      assert.equal(await background(), "rgb(31, 31, 31)");
      assert.deepEqual(await corner(), [31, 31, 31]);
    });

    it("is not broken out of by names", async () => {
      const hostile = '</script><script>document.title="owned"</script><img src=x onerror="document.title=\'owned\'"><!--';
      await open(hostile, { ...timeline, devices: timeline.devices.map((device) => ({ ...device, name: hostile })), operations: timeline.operations.map((operation) => (operation.component === undefined ? operation : { ...operation, component: hostile })) });
      assert.equal(await page.title(), hostile);
      assert.equal(await page.locator("img").count(), 0);
      assert.equal(await page.locator(".page-title").innerText(), hostile);
      assert.deepEqual(complaints, []);
      assert.equal(requests.length, 1);
    });

    it("says so where its document is broken", async () => {
      const file = join(folder, "broken.html");
      await writeFile(file, (await readFile("dist/timeline.html", "utf8")).replace("{{timeline}}", '{"name":"a","timeline":{}}'));
      page = await browser.newPage({ offline: true });
      await page.goto(pathToFileURL(file).href);
      await page.getByText("This page cannot show its timeline").waitFor();
    });
  });

  describe("from the editor's view", () => {
    let view: ViewPage;
    afterEach(() => view.close());

    async function showPlan(options: Parameters<typeof openView>[1] = {}): Promise<void> {
      view = await openPlanPage(browser, options);
    }
    const said = async <T extends ViewMessage["type"]>(type: T) => {
      const find = () => view.said.find((message): message is Extract<ViewMessage, { type: T }> => message.type === type);
      for (const end = Date.now() + 10_000; !find() && Date.now() < end; ) await view.page.waitForTimeout(20);
      const found = find();
      assert.ok(found, `the view did not say ${type}`);
      return found;
    };

    it("is drawn as a PNG at twice the size, in the theme's colours", async () => {
      await showPlan({ theme: "vscode-light" });
      await view.send({ type: "draw", id: 3 });
      const { id, png, error } = await said("drawn");
      assert.deepEqual([id, error], [3, undefined]);
      const bytes = Buffer.from(png ?? "", "base64");
      assert.ok(isPng(bytes));
      assert.equal(bytes.readUInt32BE(16), 2800);
      const colours = await view.page.evaluate(async (data) => {
        const canvas = document.createElement("canvas");
        const image = await createImageBitmap(new Blob([Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))], { type: "image/png" }));
        [canvas.width, canvas.height] = [image.width, image.height];
        const context = canvas.getContext("2d");
        context?.drawImage(image, 0, 0);
        const pixels = context?.getImageData(0, 0, canvas.width, canvas.height).data ?? new Uint8ClampedArray();
        const seen = new Set<number>();
        for (let i = 0; i < pixels.length; i += 4) seen.add((pixels[i] << 16) | (pixels[i + 1] << 8) | pixels[i + 2]);
        return { corner: [...pixels.slice(0, 3)], blue: seen.has(0x1a85ff), green: seen.has(0x388a34) };
      }, png ?? "");
      assert.deepEqual(colours, { corner: [255, 255, 255], blue: true, green: true });
    });

    it("is not drawn where there is no picture, and says why", async () => {
      view = await openView(browser);
      await view.send({ type: "draw", id: 1 });
      assert.match((await said("drawn")).error ?? "", /no picture/);
    });

    it("is refused as an image where no image can be so tall", async () => {
      view = await openView(browser, { state: { lanes: { folds: { communication: true, memory: false, devices: {}, groups: {}, replicas: false }, colourBy: "operation", iterations: 2 } } });
      const replicas = 100;
      const small = planOf(2, 4);
      const global = 8 * replicas;
      const [encoder, first, ...parts] = small.fills;
      const fills = [encoder, first, { ...parts[0], device: 0 }].map((fill) => ({ ...fill, samples: [0, global] as const }));
      const chains = small.chains.map((chain) => ({ ...chain, stages: chain.stages.map((stage, index) => ({ ...stage, devices: Array.from({ length: replicas }, (_, replica) => 2 * replica + index) })) }));
      await view.send({ type: "inputs", profile, cluster: clusterOf(2 * replicas) });
      await view.send({ type: "plan", version: 1, name: "a", plan: { ...small, batch: { global, microbatches: 4 }, dataParallel: replicas, chains, fills }, readOnly: false, notices: [] });
      await view.page.locator(".boundary").waitFor();
      await view.send({ type: "draw", id: 1 });
      assert.match((await said("drawn")).error ?? "", /too many devices.*SVG/);
    });

    it("gives the selected slice's figures to the clipboard by key, by Ctrl+C and by button", async () => {
      await showPlan();
      const box = await view.page.locator(".plot").boundingBox();
      assert.ok(box);
      await view.page.mouse.click(box.x + box.width * 0.03, box.y + 20);
      await view.page.keyboard.press("y");
      const { text } = await said("copy");
      const [titles, values] = text.trimEnd().split("\r\n").map((line) => line.split("\t"));
      assert.deepEqual([values[titles.indexOf("op")], values[titles.indexOf("microbatch")]], ["F", "0"]);
      await view.page.keyboard.press("Control+c");
      await view.page.getByText("Copy Figures").click();
      for (const end = Date.now() + 5000; view.said.filter(({ type }) => type === "copy").length < 3 && Date.now() < end; ) await view.page.waitForTimeout(20);
      assert.deepEqual(view.said.filter(({ type }) => type === "copy").map((message) => message.type === "copy" && message.text), [text, text, text]);
    });

    it("gives all devices' figures where no slice is selected", async () => {
      await showPlan();
      await view.page.keyboard.press("y");
      assert.match((await said("copy")).text, /^source\tdevice\tdevice_name\ttrained\tfrozen\tidle\tpeak_memory_bytes\r\npredicted\t0\t/);
    });
  });

  it("as SVG is drawn by a browser with every text inside the picture", async () => {
    const page = await browser.newPage({ viewport: { width: 900, height: 900 } });
    await page.setContent(`<body style="margin:0">${timelineToSvg(timeline)}</body>`);
    const outside = await page.evaluate(() => {
      const picture = document.querySelector("svg")?.getBoundingClientRect();
      return [...document.querySelectorAll("svg text")].filter((text) => {
        const { left, right, top, bottom } = text.getBoundingClientRect();
        return !picture || left < picture.left || right > picture.right || top < picture.top || bottom > picture.bottom;
      }).map((text) => text.textContent);
    });
    await page.close();
    assert.deepEqual(outside, []);
  });
});
