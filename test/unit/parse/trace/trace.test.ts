import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { UserError } from "../../../../src/model/errors";
import { tracedComponent } from "../../../../src/parse/trace/component";
import { parseTrace, type TraceDocument } from "../../../../src/parse/trace/document";
import { tracedModel } from "../../../../src/parse/trace/model";

/** What the tracer makes of own_unet.py, which lies beside it; the parity tests compare that with PyTorch. */
const text = readFileSync("test/fixtures/trace/own_unet.trace.json", "utf8");
const read = (): TraceDocument => parseTrace(text, "own_unet:OwnUNet");
const source = { path: "/models/own.json", sha256: "a".repeat(64) };
const model = (choice = {}) => tracedModel(tracedComponent(read()), "OwnUNet", source, choice);
const at = (amount: { perSample: number; fixed: number }) => amount.perSample + amount.fixed;

describe("A traced module as a model", () => {
  it("has the document's layers, and trains from the first that learns on", () => {
    const document = read();
    const { components, chains, defaultBindings } = model();
    assert.equal(components.length, 1);
    assert.equal(components[0].parameters, document.parameters);
    assert.deepEqual(components[0].layers.map(({ name }) => name), document.layers.map(({ name }) => name));
    assert.deepEqual(chains, [{ id: "OwnUNet", segments: [{ component: "OwnUNet", from: 0, to: document.layers.length }] }]);
    assert.deepEqual(defaultBindings, { height: 16, width: 16, sequenceLength: 1 });
    const [first, ...rest] = components[0].layers;
    assert.deepEqual([first.needsInputGrad, first.needsWeightGrad], [false, true]);
    assert.ok(rest.every((layer) => layer.needsInputGrad && layer.needsWeightGrad));
  });

  it("says how many parameters of a layer train, where some are locked for good", () => {
    const locked = model().components[0].layers.filter((layer) => layer.trainableParameters !== undefined);
    assert.deepEqual(locked.map((layer) => layer.parameters - (layer.trainableParameters ?? 0)), [24]);
  });

  it("hands skips on: a cut inside a skip carries it as well", () => {
    const bound = model().bind(model().defaultBindings);
    const [component] = bound.components;
    for (const [index, layer] of component.layers.entries()) {
      const crossing = bound.tensors.filter((tensor) => {
        const from = component.layers.findIndex(({ name }) => name === tensor.producer.layer);
        return tensor.producer.component === "OwnUNet" && from <= index && tensor.consumers.some((consumer) => component.layers.findIndex(({ name }) => name === consumer.layer) > index);
      });
      assert.equal(layer.cutBytesPerSample.forward, crossing.reduce((sum, tensor) => sum + tensor.bytesPerSample + (tensor.bytesFixed ?? 0), 0), layer.name);
    }
    const widest = Math.max(...component.layers.map((layer) => layer.cutBytesPerSample.forward));
    const one = bound.tensors.find((tensor) => tensor.producer.layer === component.layers[0].name)!.bytesPerSample;
    assert.ok(widest > one);
    assert.equal(new Set(bound.tensors.map(({ id }) => id)).size, bound.tensors.length);
    assert.deepEqual(bound.tensors.filter((tensor) => tensor.producer.component === "data").map(({ id }) => id), ["data/batch.image", "data/batch.label", "data/timestep"]);
  });

  it("costs what the trace says for who learns", () => {
    const document = read();
    const traced = tracedComponent(document);
    for (const [learning, kind] of [[{ trained: true, inputs: false }, "trained"], [{ trained: true, inputs: true }, "trainedThroughout"], [{ trained: false, inputs: true }, "passedThrough"]] as const) {
      const { bound } = traced.place("unet", learning);
      for (const [index, layer] of bound.entries()) {
        const { backward, forwardFlops } = document.layers[index];
        assert.equal(layer.flopsPerSample, at(forwardFlops));
        assert.equal(layer.inputGradFlopsPerSample, at(backward[kind].inputGradFlops));
        assert.equal(layer.weightGradFlopsPerSample, at(backward[kind].weightGradFlops));
        assert.equal(layer.savedBytesPerSample.untilWeightGrad, at(backward[kind].savedUntilWeightGradBytes));
      }
    }
  });

  it("frozen, is leaf work without a chain", () => {
    const frozen = model({ freeze: ["OwnUNet"] });
    assert.deepEqual(frozen.chains, []);
    assert.equal(frozen.components[0].role, "frozen");
    const [component] = frozen.bind(frozen.defaultBindings).components;
    for (const layer of component.layers) {
      assert.deepEqual([layer.needsInputGrad, layer.needsWeightGrad, layer.inputGradFlopsPerSample, layer.weightGradFlopsPerSample], [false, false, 0, 0]);
      assert.deepEqual(layer.savedBytesPerSample, { untilInputGrad: 0, untilWeightGrad: 0 });
    }
  });

  it("holds for the sizes that were traced", () => {
    assert.throws(() => model().bind({ height: 32, width: 16, sequenceLength: 1 }), (error: unknown) => error instanceof UserError && error.field === "height" && /trace it again/.test(error.message));
  });

  it("refuses roles of other components", () => {
    assert.throws(() => model({ train: ["vae"] }), /no component "vae"/);
    assert.throws(() => model({ train: ["OwnUNet"], freeze: ["OwnUNet"] }), /both trained and frozen/);
  });

  it("has no graph where none was exported, and says what else there is", () => {
    const [component] = model().bind(model().defaultBindings).components;
    assert.throws(() => component.layers[0].graph(1), (error: unknown) => error instanceof UserError && /estimates from its FLOPs/.test(error.message));
  });
});

describe("What the tracer wrote", () => {
  const refused = (change: (document: TraceDocument) => void, message: RegExp) => {
    const document = JSON.parse(text) as TraceDocument;
    change(document);
    assert.throws(() => parseTrace(JSON.stringify(document), "own_unet:OwnUNet"), (error: unknown) => error instanceof UserError && error.file === "own_unet:OwnUNet" && message.test(error.message));
  };

  it("is refused where it contradicts itself", () => {
    refused((document) => (document.parameters += 1), /another number of parameters/);
    refused((document) => (document.layers[1].name = document.layers[0].name), /two layers have one name/);
    refused((document) => (document.tensors[0].consumers = [document.layers.length]), /consumers are not later layers/);
    refused((document) => (document.tensors.find((tensor) => "layer" in tensor.producer)!.consumers = [0, 0]), /consumers are not later layers/);
    refused((document) => (document.tensors[0].producer = { layer: 10_000 }), /no such layer/);
    refused((document) => (document.layers[0].trainableParameters = document.layers[0].parameters + 1), /more parameters train/);
    refused((document) => document.layers[0].shared.push({ parameter: "x", layer: 0 }), /shared with a layer that is not before/);
    refused((document) => (document.layers[0].forwardFlops.perSample = -1), /forwardFlops/);
    refused((document) => (document.layers = []), /layers/);
  });

  it("shows the tracer's own words, the place and what was printed", () => {
    const problem = { format: "diffusionpipe.trace/1", error: { kind: "import", message: "no module", file: "/w/models.py", line: 3, traceback: "Traceback\nImportError: no module" } };
    assert.throws(() => parseTrace(JSON.stringify(problem), "models:Net", "hello\n"), (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.file, "/w/models.py:3");
      assert.equal(error.message, "/w/models.py:3: no module\nTraceback\nImportError: no module\nIt wrote:\nhello");
      return true;
    });
  });

  it("never gets through half right: any one value changed is a user's error, or a whole model", () => {
    const value = fc.oneof(fc.constant(null), fc.integer(), fc.double(), fc.string(), fc.constant([]), fc.constant({}), fc.boolean(), fc.constant(2 ** 60), fc.constant(["batch"]));
    fc.assert(
      fc.property(fc.array(fc.nat(), { minLength: 1, maxLength: 6 }), value, (path, replacement) => {
        const document: unknown = JSON.parse(text);
        let holder = document as Record<string, unknown>;
        for (const step of path) {
          const keys = Object.keys(holder);
          const key = keys[step % keys.length];
          const inner = holder[key];
          if (step === path.at(-1) || typeof inner !== "object" || inner === null || Object.keys(inner).length === 0) {
            holder[key] = replacement;
            break;
          }
          holder = inner as Record<string, unknown>;
        }
        try {
          const made = tracedModel(tracedComponent(parseTrace(JSON.stringify(document), "own")), "net", source);
          assert.ok(made.bind(made.defaultBindings).components[0].layers.length > 0);
        } catch (error) {
          assert.ok(error instanceof UserError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});
