/** Where a candidate's stages lie: pipelines one after another over the ranks, so that each one's stages are close together. */
import type { Workload } from "../../model/workload";
import { deviceOf, replicasPerPipeline } from "../../schedule/generators";
import type { Candidate } from "./candidates";

type Direction = "down" | "up";

/** `[chain][stage][replica]`: ranks. */
export function placementsOf(candidate: Pick<Candidate, "schedule" | "stages" | "stagesPerDevice" | "dataParallel">, workload: Workload): readonly (readonly (readonly number[])[])[] {
  const { schedule: name, stages, stagesPerDevice = 1, dataParallel } = candidate;
  const devices = stages / stagesPerDevice;
  const each = replicasPerPipeline(name);
  const chains = (name === "bidirectional" ? directionsOf(workload) : workload.chains.map((): Direction => "down")).map((direction) => ({ stages, direction }));
  return chains.map((_, chain) =>
    Array.from({ length: stages }, (_, stage) =>
      Array.from({ length: dataParallel }, (_, replica) => Math.floor(replica / each) * devices + deviceOf({ schedule: { name }, devices, chains }, chain, stage, replica % each === 0 ? 0 : 1)),
    ),
  );
}

/** Chains in two groups of about equal work, the longest first; the first chain's group goes down. */
function directionsOf({ chains }: Workload): readonly Direction[] {
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
