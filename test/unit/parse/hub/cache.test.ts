import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { UserError } from "../../../../src/model/errors";
import { DiffusersFolder } from "../../../../src/parse/diffusers/folder";
import { cachedModels, findHubModel, hubCacheFolder, isHubId } from "../../../../src/parse/hub/cache";
import { nodeFiles } from "../../../../src/platform/nodeFiles";

const commit = "0123456789abcdef0123456789abcdef01234567";
const other = "fedcba9876543210fedcba9876543210fedcba98";

describe("The Hugging Face cache", () => {
  let cache: string;
  const put = async (path: string, text: string) => {
    await mkdir(dirname(join(cache, path)), { recursive: true });
    await writeFile(join(cache, path), text);
  };
  const link = async (to: string, path: string) => {
    await mkdir(dirname(join(cache, path)), { recursive: true });
    await symlink(to, join(cache, path));
  };
  before(async () => {
    cache = await mkdtemp(join(tmpdir(), "diffusionpipe-hub-"));
    await put("models--acme--tiny/refs/main", `${commit}\n`);
    await put("models--acme--tiny/refs/refs/pr/7", other);
    await put("models--acme--tiny/blobs/aa", '{"_class_name":"StableDiffusionPipeline"}');
    await put("models--acme--tiny/blobs/bb", "{}");
    await put(`models--acme--tiny/snapshots/${other}/model_index.json`, "{}");
    await link("../../blobs/aa", `models--acme--tiny/snapshots/${commit}/model_index.json`);
    await link("../../../blobs/bb", `models--acme--tiny/snapshots/${commit}/unet/config.json`);
    await put("models--acme--other/blobs/cc", "{}");
    await put("secret.json", "{}");
    await link("../../../models--acme--other/blobs/cc", `models--acme--tiny/snapshots/${commit}/vae.json`);
    await link("../../../secret.json", `models--acme--tiny/snapshots/${commit}/escape.json`);
    await link("../../refs/main", `models--acme--tiny/snapshots/${commit}/ref.json`);
    await put("models--gone/refs/main", commit);
    await put("models--odd/refs/main", "../../../../etc");
    await put("datasets--acme--pictures/refs/main", commit);
  });
  after(() => rm(cache, { recursive: true }));

  it("gives a branch's, a pull request's and a commit's snapshot", async () => {
    assert.equal(await findHubModel(nodeFiles, cache, "acme/tiny"), join(cache, "models--acme--tiny/snapshots", commit));
    assert.equal(await findHubModel(nodeFiles, cache, "acme/tiny", "refs/pr/7"), join(cache, "models--acme--tiny/snapshots", other));
    assert.equal(await findHubModel(nodeFiles, cache, "acme/tiny", other), join(cache, "models--acme--tiny/snapshots", other));
  });

  const missing: readonly [string, string | undefined, RegExp][] = [
    ["acme/absent", undefined, /acme\/absent is not in the local .* cache\. Run: huggingface-cli download acme\/absent --include "\*\.json"$/],
    ["acme/tiny", "fp16", /Revision "fp16" of acme\/tiny is not .*--revision fp16$/],
    ["acme/tiny", "f".repeat(40), /Commit f{40} of acme\/tiny is not .*--revision f{40}$/],
    ["gone", undefined, /Commit .* of gone is not/],
    ["odd", undefined, /refs.main: Expected a commit/],
    ["../secret", undefined, /neither a folder nor the id/],
    ["a/b/c", undefined, /neither a folder nor the id/],
    ["acme/tiny", "../../main", /cannot be a revision/],
    ["acme/tiny", "", /cannot be a revision/],
  ];
  for (const [id, revision, message] of missing) {
    it(`says what to do for ${id}${revision === undefined ? "" : ` at "${revision}"`}`, () =>
      assert.rejects(findHubModel(nodeFiles, cache, id, revision), (error: unknown) => error instanceof UserError && message.test(error.message)));
  }

  it("is read through its links to its own blobs, and through no other", async () => {
    const folder = await DiffusersFolder.open(nodeFiles, await findHubModel(nodeFiles, cache, "acme/tiny"));
    assert.deepEqual((await folder.readFile("unet", "config.json")).json, {});
    for (const file of ["vae.json", "escape.json", "ref.json"]) {
      await assert.rejects(folder.readFile(file), (error: unknown) => error instanceof UserError && /leaves the model's folder/.test(error.message), file);
    }
  });

  it("lists its models", async () => {
    assert.deepEqual(await cachedModels(nodeFiles, cache), ["acme/other", "acme/tiny", "gone", "odd"]);
    assert.deepEqual(await cachedModels(nodeFiles, join(cache, "nothing")), []);
  });

  it("lies where the environment says", () => {
    assert.equal(hubCacheFolder({}, "/home/a"), "/home/a/.cache/huggingface/hub");
    assert.equal(hubCacheFolder({ XDG_CACHE_HOME: "/x" }, "/home/a"), "/x/huggingface/hub");
    assert.equal(hubCacheFolder({ HF_HOME: "~/hf", XDG_CACHE_HOME: "/x" }, "/home/a"), "/home/a/hf/hub");
    assert.equal(hubCacheFolder({ HF_HUB_CACHE: "/data/hub", HF_HOME: "/hf" }, "/home/a"), "/data/hub");
  });

  it("knows ids from paths", () => {
    for (const id of ["gpt2", "runwayml/stable-diffusion-v1-5", "stabilityai/sdxl-turbo", "_x/y.z"]) assert.ok(isHubId(id), id);
    for (const id of ["", ".", "..", "./a", "/a/b", "a/b/c", "a--b/c", "a/..", "a b", "C:\\models"]) assert.ok(!isHubId(id), id);
  });
});
