/** A chain as a strip of layers, each as wide as its time, cut into stages. */
import { isEstimate } from "../../model/costs";
import type { CostTable } from "../../model/costTable";
import type { Plan } from "../../model/plan";
import type { Workload } from "../../model/workload";

export interface StripLayer {
  readonly name: string;
  readonly component: string;
  readonly forwardMs: number;
  readonly backwardMs: number;
  readonly estimate: boolean;
  /** Where it starts and ends, as shares of the chain's time. */
  readonly from: number;
  readonly to: number;
}

export interface StripStage {
  /** First layer, and one past the last. */
  readonly from: number;
  readonly to: number;
  readonly devices: readonly number[];
  readonly forwardMs: number;
  readonly backwardMs: number;
}

export interface Strip {
  readonly chain: string;
  readonly layers: readonly StripLayer[];
  readonly stages: readonly StripStage[];
}

/** Times are those of one micro-batch. A chain that takes no time at all is drawn with layers of equal width. */
export function layoutStrip(plan: Plan, workload: Workload, costs: CostTable): Strip {
  const batch = plan.batch.global / plan.dataParallel / plan.batch.microbatches;
  const [{ chain: own, layers }] = workload.chains;
  const { forward, backward } = costs.chain(0, batch, 0);
  const count = layers.length;
  const total = forward[count] + backward[count];
  const share = (layer: number) => (total > 0 ? (forward[layer] + backward[layer]) / total : layer / count);
  const components = own.segments.flatMap((segment) => Array.from({ length: segment.to - segment.from }, () => segment.component));
  const chain = plan.chains.find((other) => other.id === own.id) ?? plan.chains[0];
  return {
    chain: chain.id,
    layers: layers.map((layer, index) => ({
      name: layer.name,
      component: components[index],
      forwardMs: forward[index + 1] - forward[index],
      backwardMs: backward[index + 1] - backward[index],
      estimate: isEstimate(layer, batch, false) || isEstimate(layer, batch, true),
      from: share(index),
      to: share(index + 1),
    })),
    stages: chain.stages.map(({ from, to, devices }) => ({ from, to, devices, forwardMs: forward[to] - forward[from], backwardMs: backward[to] - backward[from] })),
  };
}

/** The boundary (first layer of the next stage) nearest to a place on the strip, such that both stages keep a layer. */
export function boundaryAt(strip: Strip, stage: number, share: number): number {
  const [least, most] = boundaryLimits(strip, stage);
  let best = least;
  for (let layer = least; layer <= most; layer++) {
    if (Math.abs(strip.layers[layer].from - share) < Math.abs(strip.layers[best].from - share)) best = layer;
  }
  return best;
}

/** Least and greatest first layer of the stage after `stage`. */
export function boundaryLimits(strip: Strip, stage: number): readonly [number, number] {
  return [strip.stages[stage].from + 1, strip.stages[stage + 1].to - 1];
}
