import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { tar, type TarEntry } from "../../../src/remote/sync/tar";

async function bytesOf(entries: readonly TarEntry[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of tar(entries)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const file = (path: string, content: Uint8Array): TarEntry => ({
  kind: "file", path, bytes: content.length,
  content: async function* () {
    yield content;
  },
});

describe("tar", () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "diffusionpipe-tar-"))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("is read back by the system's tar: any name, any content, links to contents", async () => {
    const name = fc.string({ minLength: 1, maxLength: 60, unit: fc.constantFrom("a", "B", " ", "ß", "火", "'", "$", "\n", "-") }).map((text) => `n${text}`);
    await fc.assert(fc.asyncProperty(fc.uniqueArray(fc.tuple(name, fc.uint8Array({ maxLength: 1500 })), { selector: ([path]) => path, minLength: 1, maxLength: 6 }), async (files) => {
      const at = mkdtempSync(join(folder, "case-"));
      const deep = (path: string) => `deep/${path}/${"long folder/".repeat(12)}link`;
      const entries = files.flatMap(([path, content]): TarEntry[] => [file(path, content), { kind: "link", path: deep(path), to: path }]);
      execFileSync("tar", ["-xf", "-"], { cwd: at, input: await bytesOf(entries) });
      for (const [path, content] of files) {
        assert.deepEqual(new Uint8Array(readFileSync(join(at, path))), content);
        assert.equal(statSync(join(at, deep(path))).ino, statSync(join(at, path)).ino);
      }
    }), { numRuns: 15 });
  });

  it("refuses a file that has changed its length since it was listed", async () => {
    for (const bytes of [2, 4]) await assert.rejects(bytesOf([{ ...file("x", Buffer.from("abc")), bytes } as TarEntry]), /is not . bytes long any more/);
  });
});
