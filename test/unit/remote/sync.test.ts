import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { modelFiles, requireWeights, trainerFiles } from "../../../src/remote/sync/select";
import { scanTree, type Tree } from "../../../src/remote/sync/tree";
import { blobsOf, splitByMissing } from "../../../src/remote/sync/upload";

const all = (paths: readonly string[]) => paths;

describe("what is sent", () => {
  let folder: string;
  const write = (path: string, text: string) => {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "diffusionpipe-sync-"))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("names a folder by its paths and contents alone", async () => {
    for (const root of ["one", "two"]) {
      write(`${root}/a`, "same");
      write(`${root}/b/c`, "other");
      write(`${root}/.git/config`, root);
      write(`${root}/__pycache__/x.pyc`, root);
    }
    const one = await scanTree(join(folder, "one"), all);
    const two = await scanTree(join(folder, "two"), all);
    assert.equal(one.sha256, two.sha256);
    assert.deepEqual(one.files.map(({ path, bytes }) => [path, bytes]), [["a", 4], ["b/c", 5]]);
    write("two/a", "Same");
    assert.notEqual((await scanTree(join(folder, "two"), all)).sha256, one.sha256);
  });

  it("follows links within the folder, refuses those that leave it, ends where they go round", async () => {
    write("data/real/image", "x");
    symlinkSync("real", join(folder, "data/again"));
    symlinkSync("..", join(folder, "data/real/round"));
    assert.deepEqual((await scanTree(join(folder, "data"), all)).files.map(({ path }) => path), ["again/image", "real/image"]);
    write("secret", "x");
    symlinkSync("../secret", join(folder, "data/out"));
    await assert.rejects(scanTree(join(folder, "data"), all), /data\/out: The link leads out of the folder/);
  });

  it("says which folder is missing or empty", async () => {
    await assert.rejects(scanTree(join(folder, "none"), all), /none: The folder does not exist/);
    await assert.rejects(scanTree(folder, all), /nothing to send/);
  });

  it("takes configurations and one form of the weights from a diffusers folder", () => {
    const taken = modelFiles([
      "model_index.json", "v1.safetensors", "v1.ckpt", "README.md", "tokenizer/vocab.json", "tokenizer/merges.txt",
      "unet/config.json", "unet/diffusion_pytorch_model.safetensors", "unet/diffusion_pytorch_model.fp16.safetensors", "unet/diffusion_pytorch_model.bin",
      "vae/config.json", "vae/diffusion_pytorch_model.bin", "unet/model.onnx",
    ]);
    assert.deepEqual(taken, ["model_index.json", "tokenizer/vocab.json", "tokenizer/merges.txt", "unet/config.json", "unet/diffusion_pytorch_model.safetensors", "vae/config.json", "vae/diffusion_pytorch_model.bin"]);
    assert.deepEqual(trainerFiles(["requirements.txt", "diffusionpipe_trainer/run.py", "diffusionpipe_trainer/notes.txt", "other/x.py"]), ["requirements.txt", "diffusionpipe_trainer/run.py"]);
  });

  const tree = (...files: readonly [string, string][]): Tree => ({ source: "/s", sha256: "t", bytes: 0, files: files.map(([path, sha256]) => ({ path, bytes: 10, sha256 })) });

  it("names the components without weights and the way out", () => {
    requireWeights(tree(["unet/config.json", "1"], ["unet/x.safetensors", "2"], ["scheduler/scheduler_config.json", "3"]), ["unet", "scheduler"]);
    assert.throws(() => requireWeights(tree(["unet/config.json", "1"]), ["unet", "vae"]), /no weights for unet\. .*--init-weights SEED/);
  });

  it("sends each content once and only where it is missing", () => {
    const blobs = blobsOf([tree(["a", "h2"], ["b", "h1"], ["c", "h2"]), tree(["a", "h1"])]);
    assert.deepEqual(blobs.map(({ sha256 }) => sha256), ["h1", "h2"]);
    assert.deepEqual(splitByMissing(blobs, new Set(["h2"])).report, { sentFiles: 1, sentBytes: 10, presentFiles: 1, presentBytes: 10 });
  });
});
