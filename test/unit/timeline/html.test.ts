import assert from "node:assert/strict";
import fc from "fast-check";
import { pageDataId, timelineToHtml } from "../../../src/timeline/export/html";
import { operation, timelineOf } from "./builders";

const page = `<title>{{title}}</title><script type="application/json" id="${pageDataId}">{{timeline}}</script><script>run()</script>`;
const dataOf = (html: string) => /<script type="application\/json"[^>]*>([^]*?)<\/script>/.exec(html)?.[1] ?? "";
const hostile = ["</script><script>alert(1)</script>", "<!--<script>", "{{timeline}}", "$&$1$`", "\u2028\u2029", "</title><img src=x onerror=alert(1)>", "]]>", "\u0000"];

describe("timeline as a page", () => {
  const named = (text: string) => timelineOf([operation({ op: "FILL", component: text, startMs: 0, endMs: 1 })], { devices: [{ name: text, peakMemoryBytes: 0 }] });

  it("holds the document as it is, whatever names are in it", () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.constantFrom(...hostile)), fc.oneof(fc.string(), fc.constantFrom(...hostile)), (name, component) => {
      const timeline = named(component);
      assert.deepEqual(JSON.parse(dataOf(timelineToHtml(page, name, timeline))), JSON.parse(JSON.stringify({ name, timeline })));
    }), { numRuns: 300, seed: 3 });
  });

  it("lets no name become markup", () => {
    for (const text of hostile) {
      const html = timelineToHtml(page, text, named(text));
      assert.equal(html.split("<script").length, 3, text);
      assert.equal(html.split("</script>").length, 3, text);
      assert.ok(!dataOf(html).includes("<"), text);
      assert.ok(!/<img|<!--/.test(html), text);
      assert.ok(html.endsWith("<script>run()</script>"), text);
    }
  });

  it("refuses a page without room", () => {
    for (const broken of ["", "{{timeline}} {{title}}", "<title>{{title}}</title>"]) assert.throws(() => timelineToHtml(broken, "a", named("b")), /without room/);
  });
});
