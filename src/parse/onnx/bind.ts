/** A model of an ONNX file at bound sizes. */
import { createHash } from "node:crypto";
import { graphDigest } from "../../graph/digest";
import { UserError } from "../../model/errors";
import type { BoundLayer, BoundModel } from "../../model/model";
import type { Bindings, LayerRef } from "../../model/profile";
import { cutBytes } from "../tensors";
import { tensorsOfGraph } from "./bindTensors";
import { extractLayer } from "./extract";
import type { NodeGraph } from "./graph";
import { nodesCost } from "./layerCost";
import type { ComponentNodes, LayerNodes } from "./layers";
import { infosAt, samplesOf } from "./samples";
import type { Structure } from "./structure";
import { checkSizes, type Sizes } from "./symbols";

export interface ParsedGraph {
  readonly graph: NodeGraph;
  readonly sizes: Sizes;
  readonly parameters: ReadonlySet<string>;
  readonly weightSide: ReadonlySet<string>;
  readonly components: readonly ComponentNodes[];
  readonly structure: Structure;
}

/** @throws UserError when the sizes do not fit the graph. */
export function bindGraph(parsed: ParsedGraph, bindings: Bindings): BoundModel {
  const { graph, sizes, structure, components } = parsed;
  checkSizes(sizes, bindings);
  const samples = samplesOf(graph, sizes, bindings);
  const tensors = tensorsOfGraph(graph, components, structure.chains, structure.gradients, samples);
  const cuts = new Map(sequencesOf(parsed).flatMap((sequence) => cutBytes(sequence, tensors).map((cut, index) => [`${sequence[index].component}/${sequence[index].layer}`, cut] as const)));
  const infos = (batch: number) => infosAt(graph, sizes, bindings, samples, batch);
  let recent = { batch: samples.counts[0], infos: samples.one };
  const infosOf = (batch: number) => {
    if (recent.batch !== batch) recent = { batch, infos: infos(batch) };
    return recent.infos;
  };
  return {
    model: { path: graph.file.path, sha256: graph.file.sha256 },
    bindings,
    chains: structure.chains,
    tensors,
    components: structure.components.map((component, c) => ({
      ...component,
      layers: component.layers.map((layer, l): BoundLayer => {
        const nodes = components[c].layers[l];
        return {
          ...layer,
          ...figures(parsed, component.name, nodes, samples.one, samples.counts[0]),
          cutBytesPerSample: cuts.get(`${component.name}/${layer.name}`) ?? { forward: 0, backward: 0 },
          graph: (batch) => extractLayer(`${component.name}/${layer.name}`, graph, nodes.nodes, infosOf(batch)),
        };
      }),
    })),
  };
}

function figures({ graph, parameters, weightSide, structure }: ParsedGraph, component: string, { name, nodes }: LayerNodes, infos: ReturnType<typeof infosAt>, count: number) {
  const learned = structure.trained.has(component) ? parameters : new Set<string>();
  const cost = nodesCost(graph, nodes, infos, weightSide, learned, structure.gradients);
  return {
    signature: signatureOf(component, name, graph, nodes, infos),
    flopsPerSample: cost.flops / count,
    inputGradFlopsPerSample: cost.inputGradFlops / count,
    weightGradFlopsPerSample: cost.weightGradFlops / count,
    trafficBytesPerSample: cost.trafficBytes / count,
    savedBytesPerSample: { untilInputGrad: cost.savedUntilInputGradBytes / count, untilWeightGrad: cost.savedUntilWeightGradBytes / count },
  };
}

/** Equal for layers that do the same at the same shapes. A layer that cannot be written as a graph is like no other. */
function signatureOf(component: string, layer: string, graph: NodeGraph, nodes: readonly number[], infos: ReturnType<typeof infosAt>): string {
  try {
    return graphDigest(extractLayer("", graph, nodes, infos));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return createHash("sha256").update(`${graph.file.sha256}/${component}/${layer}`).digest("hex");
  }
}

/** The chain's components together, every other component by itself. */
function sequencesOf({ structure }: ParsedGraph): readonly (readonly LayerRef[])[] {
  const chained = new Set(structure.chains.flatMap(({ segments }) => segments.map(({ component }) => component)));
  const references = (names: readonly string[]) => structure.components.filter(({ name }) => names.includes(name)).flatMap(({ name, layers }) => layers.map((layer) => ({ component: name, layer: layer.name })));
  return [references([...chained]), ...structure.components.filter(({ name }) => !chained.has(name)).map(({ name }) => references([name]))];
}
