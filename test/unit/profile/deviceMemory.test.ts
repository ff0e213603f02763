import { strict as assert } from "node:assert";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { cudaDevice, freeBytes, hostMemory } from "../../../src/profile/deviceMemory";

describe("memory of devices", () => {
  const { PATH, CUDA_VISIBLE_DEVICES } = process.env;
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "diffusionpipe-smi-"));
    process.env.PATH = `${folder}${delimiter}${PATH}`;
    delete process.env.CUDA_VISIBLE_DEVICES;
  });
  afterEach(() => {
    process.env.PATH = PATH;
    if (CUDA_VISIBLE_DEVICES === undefined) delete process.env.CUDA_VISIBLE_DEVICES;
    else process.env.CUDA_VISIBLE_DEVICES = CUDA_VISIBLE_DEVICES;
    rmSync(folder, { recursive: true });
  });
  /** A program by the name of NVIDIA's, that answers as it does. */
  const install = (script: string) => {
    const file = join(folder, "nvidia-smi");
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
  };

  it("of the host is what is free of it", async () => {
    const free = await freeBytes("cpu");
    assert.ok(free !== undefined && free > 0 && free <= hostMemory());
    assert.equal(await freeBytes("webgpu"), undefined);
  });

  it("of CUDA is what nvidia-smi says of the first GPU that CUDA may use", async () => {
    install(`test "$4" = 0 || exit 6\ncase $1 in *memory.free) echo 1234;; *) echo "NVIDIA A100-SXM4-80GB, 81920";; esac`);
    assert.deepEqual(await cudaDevice(), { name: "NVIDIA A100-SXM4-80GB", memoryBytes: 81920 * 2 ** 20, software: false });
    assert.equal(await freeBytes("cuda"), 1234 * 2 ** 20);
    process.env.CUDA_VISIBLE_DEVICES = "3,1";
    assert.equal(await freeBytes("cuda"), undefined);
    install(`test "$4" = 3 && echo 5`);
    assert.equal(await freeBytes("cuda"), 5 * 2 ** 20);
  });

  it("is not known where nvidia-smi is missing or answers nothing of use", async () => {
    assert.deepEqual([await cudaDevice(), await freeBytes("cuda")], [{ name: "CUDA device 0", memoryBytes: 0, software: false }, undefined]);
    install("echo no devices");
    assert.deepEqual([await cudaDevice(), await freeBytes("cuda")], [{ name: "CUDA device 0", memoryBytes: 0, software: false }, undefined]);
  });
});
