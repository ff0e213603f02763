/** Mutated headers of checkpoints, as JSON and as bytes, and mutated training scripts. Mutated ONNX files are beside their reader's tests. */
import { readPipeline } from "../../../src/parse/pipelines";
import { readScript } from "../../../src/parse/script/read";
import { readSingleFile } from "../../../src/parse/singleFile/read";
import { fixtureScript, pythonParser } from "../parse/script/python";
import { dataBytes, entriesOf, fileOf, headBytes, smallFlux, type Header } from "../parse/singleFile/files";
import { fuzz } from "./fuzz";
import { mutated, mutatedBytes, pick } from "./mutate";

const path = "/models/model.safetensors";

describe("Mutated files", function () {
  this.timeout(600_000);
  const header: Header = entriesOf(smallFlux());
  const read = async (head: Uint8Array, total: number) => {
    const model = await readPipeline(await readSingleFile(fileOf(path, head, total), path), path);
    model.bind(model.defaultBindings);
  };

  it("of headers as JSON give a model or an error that names file and tensor", async () => {
    await fuzz(6_000, 4, (random) => {
      const changed = mutated(random, { ...header }) as Header;
      return { shown: () => JSON.stringify(changed), named: false, read: () => read(headBytes(JSON.stringify(changed)), 8 + JSON.stringify(changed).length + dataBytes(header)) };
    });
  });

  it("of headers as bytes give a model or an error that names the file", async () => {
    const whole = headBytes(JSON.stringify(header));
    await fuzz(6_000, 5, (random) => {
      const bytes = mutatedBytes(random, whole);
      return { shown: () => Buffer.from(bytes).toString("latin1"), named: false, read: () => read(bytes, bytes.length + dataBytes(header)) };
    });
  });

  it("of scripts give facts or an error that names the file", async () => {
    const parser = await pythonParser();
    const scripts = ["text_to_image.py", "controlnet.py", "dreambooth_lora_sdxl.py", "unconditional.py"].map((name) => new TextEncoder().encode(fixtureScript(name)));
    await fuzz(5_000, 6, (random) => {
      const text = new TextDecoder().decode(mutatedBytes(random, pick(random, scripts)));
      return { shown: () => text, named: false, read: () => Promise.resolve().then(() => readScript(text, parser, { file: "train.py" })) };
    });
  });
});
