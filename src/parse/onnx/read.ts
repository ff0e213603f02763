/** Reads a model from an ONNX file. */
import { basename, dirname } from "node:path";
import { UserError } from "../../model/errors";
import type { Model } from "../../model/model";
import type { Bindings } from "../../model/profile";
import type { Files } from "../../platform/files";
import type { CutChoice, RoleChoice } from "../../model/choice";
import { bindGraph, type ParsedGraph } from "./bind";
import { partsOf } from "./components";
import { usualRule, type CutRule } from "./cut";
import { nodeGraph, type NodeGraph } from "./graph";
import { layersOf } from "./layers";
import { parametersOf } from "./parameters";
import { readOnnxFile } from "./reader";
import { samplesOf, type Samples } from "./samples";
import { chooseTrained, structureOf } from "./structure";
import { checkSizes, sizesOf, type Sizes } from "./symbols";
import type { OnnxFile } from "./types";
import { weightSide } from "./values";

/** How a file becomes layers. */
export interface OnnxOptions extends CutChoice {
  /** Sizes at which the layers are cut, where they are not the file's default ones. */
  readonly bindings?: Partial<Bindings>;
}

/**
 * Reads the structure, not the weights: a few megabytes of a file of any size.
 * @param path Absolute path of the file. External data are looked for beside it.
 * @throws UserError naming the file, and the node or tensor of whatever is wrong.
 */
export async function readOnnxModel(files: Files, path: string, options: OnnxOptions & RoleChoice = {}): Promise<Model> {
  const rule = checkedRule(options);
  const read = nodeGraph(await readOnnxFile(files, path));
  const parameters = parametersOf(read);
  const graph = withoutWeights(read, parameters);
  const sizes = sizesOf(graph);
  const { samples, defaults } = atDefaults(graph, sizes, options.bindings);
  const reference = { graph, infos: samples.one, parameters, weightSide: weightSide(graph) };
  const components = layersOf(reference, partsOf(graph, parameters, nameOf(path), options.components), rule);
  if (components.length === 0) throw new UserError("The graph has no nodes.", { file: path });
  const trained = chooseTrained(components.map(({ name }) => name), path, options);
  const structure = structureOf(reference, components, trained, "ONNX graph");
  const parsed: ParsedGraph = { graph, sizes, parameters, weightSide: reference.weightSide, components, structure };
  return {
    path,
    sha256: graph.file.sha256,
    class: graph.file.producer ? `ONNX by ${graph.file.producer.slice(0, 60)}` : "ONNX",
    components: structure.components,
    chains: structure.chains,
    defaultBindings: defaults,
    predictionType: "epsilon",
    bind: (bindings) => bindGraph(parsed, bindings),
  };
}

/** At the file's usual sizes, or at small ones where those do not fit and none was asked for. @throws UserError */
function atDefaults(graph: NodeGraph, sizes: Sizes, asked: Partial<Bindings> | undefined): { readonly samples: Samples; readonly defaults: Bindings } {
  const at = (defaults: Bindings) => ({ samples: samplesOf(graph, sizes, defaults), defaults });
  if (asked) {
    const defaults = { ...sizes.defaults, ...asked };
    checkSizes(sizes, defaults);
    return at(defaults);
  }
  try {
    return at(sizes.defaults);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    try {
      return at(sizes.smallDefaults);
    } catch {
      throw error;
    }
  }
}

/** A parameter's value is not a constant, also where it is short: training changes it. */
function withoutWeights(graph: NodeGraph, parameters: ReadonlySet<string>): NodeGraph {
  const initializers = new Map([...graph.file.initializers].map(([name, info]) => [name, parameters.has(name) ? { type: info.type, shape: info.shape } : info]));
  const file: OnnxFile = { ...graph.file, initializers };
  return { ...graph, file };
}

/** The file's name, or its folder's where all files of a pipeline have one name. */
function nameOf(path: string): string {
  const name = basename(path).replace(/\.onnx$/i, "");
  return (["model", "model_optimized", "model_quantized"].includes(name) ? basename(dirname(path)) : name).slice(0, 100) || "model";
}

function checkedRule({ minShare = usualRule.minShare, maxLayers = usualRule.maxLayers }: Partial<CutRule>): CutRule {
  if (!(minShare > 0 && minShare <= 1)) throw new UserError(`Expected a share above 0 and up to 1, found ${String(minShare)}.`, { field: "minShare" });
  if (!Number.isInteger(maxLayers) || maxLayers < 1 || maxLayers > 10_000) throw new UserError(`Expected a whole number from 1 to 10000, found ${String(maxLayers)}.`, { field: "maxLayers" });
  return { minShare, maxLayers };
}
