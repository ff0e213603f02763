/** Where a candidate's stages lie: which rank is which place of which pipeline. */
import type { Workload } from "../../model/workload";
import { deviceOf, replicasPerPipeline } from "../../schedule/generators";
import type { Context } from "../../simulate/context";
import { slowestLink } from "../../simulate/durations";
import type { Candidate } from "./candidates";

/**
 * "stages": pipelines one after another over the ranks, so that each one's stages are close together; "replicas": the replicas
 * of each stage close together, so that all-reduces stay within nodes and activations travel between them. Both also from the
 * last rank to the first, where devices differ in kind: another kind then has the first stages.
 */
export const layouts = ["stages", "replicas", "stages reversed", "replicas reversed"] as const;

export type Layout = (typeof layouts)[number];

/** The rank of place `place` of pipeline `pipeline`. */
function rankAt(layout: Layout, devices: number, pipelines: number, pipeline: number, place: number): number {
  const rank = layout.startsWith("stages") ? pipeline * devices + place : place * pipelines + pipeline;
  return layout.endsWith("reversed") ? devices * pipelines - 1 - rank : rank;
}

/**
 * The layouts that differ for pipelines of `devices` devices: in the kinds at their places, or, where there is one kind, in
 * that all-reduces have faster links than with the first.
 */
export function layoutsOf(context: Context, devices: number, pipelines: number): readonly Layout[] {
  const { kinds, devices: all } = context;
  if (new Set(all.map(({ node }) => node)).size === 1) return [layouts[0]];
  if (new Set(kinds).size === 1) {
    const reduceGBps = (layout: Layout) => (pipelines === 1 ? Infinity : Math.min(...placesOf(layout, devices, pipelines).map((ranks) => slowestLink(context, ranks).bandwidthGBps)));
    return layouts.slice(0, 2).filter((layout, l) => l === 0 || reduceGBps(layout) > reduceGBps(layouts[0]));
  }
  const seen = new Set<string>();
  return layouts.filter((layout) => {
    const nodes = new Map<number, number>();
    const nodeOf = (rank: number) => {
      const { node } = all[rank];
      const known = nodes.get(node) ?? nodes.size;
      nodes.set(node, known);
      return `${kinds[rank]}.${known}`;
    };
    const key = Array.from({ length: pipelines }, (_, pipeline) => Array.from({ length: devices }, (_, place) => nodeOf(rankAt(layout, devices, pipelines, pipeline, place))).join()).join(" ");
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** `[place][pipeline]`: ranks. */
export function placesOf(layout: Layout, devices: number, pipelines: number): readonly (readonly number[])[] {
  return Array.from({ length: devices }, (_, place) => Array.from({ length: pipelines }, (_, pipeline) => rankAt(layout, devices, pipelines, pipeline, place)));
}

type Direction = "down" | "up";

/** `[chain][stage]`: ranks, replica by replica. @param widths `[stage]`: devices of each replica; one each by default. */
export function placementsOf(candidate: Pick<Candidate, "schedule" | "stages" | "stagesPerDevice" | "dataParallel" | "layout">, workload: Workload, widths?: readonly number[]): readonly (readonly (readonly number[])[])[] {
  const { schedule: name, stages, stagesPerDevice = 1, dataParallel, layout = layouts[0] } = candidate;
  const places = widths ?? Array.from({ length: stages / stagesPerDevice }, () => 1);
  const firstOf = places.map((_, place) => places.slice(0, place).reduce((sum, width) => sum + width, 0));
  const devices = places.reduce((sum, width) => sum + width, 0);
  const each = replicasPerPipeline(name);
  const chains = (name === "bidirectional" ? directionsOf(workload) : workload.chains.map((): Direction => "down")).map((direction) => ({ stages, direction }));
  return chains.map((_, chain) =>
    Array.from({ length: stages }, (_, stage) =>
      Array.from({ length: dataParallel }, (_, replica) => {
        const place = deviceOf({ schedule: { name }, devices: places.length, chains }, chain, stage, replica % each === 0 ? 0 : 1);
        return Array.from({ length: places[place] }, (_, part) => rankAt(layout, devices, dataParallel / each, Math.floor(replica / each), firstOf[place] + part));
      }).flat(),
    ),
  );
}

/** Chains in two groups of about equal work, the longest first; the first chain's group goes down. */
export function directionsOf({ chains }: Workload): readonly Direction[] {
  const work = chains.map(({ layers }, chain) => ({ chain, ms: layers.reduce((ms, { times: [time] }) => ms + time.forwardMs + time.inputGradMs + time.weightGradMs, 0) }));
  const groups = [0, 1].map(() => ({ ms: 0, chains: new Set<number>() }));
  const [one, other] = groups;
  for (const { chain, ms } of work.sort((a, b) => b.ms - a.ms)) {
    const lighter = other.ms < one.ms || (other.chains.size === 0 && one.chains.size > 0) ? other : one;
    lighter.chains.add(chain);
    lighter.ms += ms;
  }
  const down = groups.find((group) => group.chains.has(0));
  return chains.map((_, chain) => (down?.chains.has(chain) ? "down" : "up"));
}
