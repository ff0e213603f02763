/** The rules of a plan that need its profile and cluster; the schema has those that don't. */
import { UserError } from "../model/errors";
import type { Fill, Plan } from "../model/plan";
import type { Workload } from "../model/workload";

/** @throws UserError naming the field (and `file`) of the first rule that `plan` breaks. */
export function validatePlan(plan: Plan, workload: Workload, deviceCount: number, file?: string): void {
  const refuse = (field: string, message: string, hint?: string): never => {
    throw new UserError(message, { file, field, hint });
  };
  if (plan.chains.length !== 1) refuse("chains", `The profile has one chain, the plan ${plan.chains.length}.`);
  const chain = plan.chains[0];
  if (chain.id !== workload.chain.id) refuse("chains[0].id", `The profile's chain is "${workload.chain.id}", not "${chain.id}".`);
  const last = chain.stages[chain.stages.length - 1];
  if (last.to !== workload.layers.length) {
    refuse(`chains[0].stages[${chain.stages.length - 1}].to`, `The stages hold ${last.to} layers; the chain has ${workload.layers.length}.`);
  }
  if (plan.schedule.name === "ddp" && chain.stages.length !== 1) refuse("schedule.name", `Data parallelism has one stage, found ${chain.stages.length}.`);
  const seen = new Set<number>();
  const worldSize = chain.stages.length * plan.dataParallel;
  chain.stages.forEach((stage, s) =>
    stage.devices.forEach((device, r) => {
      const field = `chains[0].stages[${s}].devices[${r}]`;
      if (device >= deviceCount) refuse(field, `The cluster has ${deviceCount} devices, 0 to ${deviceCount - 1}; found ${device}.`);
      if (device >= worldSize) refuse(field, `The plan uses ${worldSize} devices, 0 to ${worldSize - 1}; found ${device}.`);
      if (seen.has(device)) refuse(field, `Device ${device} holds two stages.`);
      seen.add(device);
    }),
  );
  validateFills(plan, workload, refuse);
}

function validateFills(plan: Plan, workload: Workload, refuse: (field: string, message: string, hint?: string) => never): void {
  const { stages } = plan.chains[0];
  const stageOf = new Map(stages.flatMap((stage, s) => stage.devices.map((device) => [device, s] as const)));
  const covered = new Map(workload.frozen.map((part) => [part.component, Array.from({ length: part.to }, () => new Uint8Array(plan.batch.global))]));
  const iteration = plan.fills[0]?.iteration ?? 1;
  plan.fills.forEach((fill, f) => {
    const field = `fills[${f}]`;
    const cells = covered.get(fill.component) ?? refuse(`${field}.component`, `"${fill.component}" is not frozen work of this profile.`);
    if (fill.to > cells.length) refuse(`${field}.to`, `"${fill.component}" has ${cells.length} frozen layers.`);
    const stage = stageOf.get(fill.device);
    if (stage === undefined) refuse(`${field}.device`, `Device ${fill.device} is not part of the plan.`);
    if ((fill.iteration ?? 1) !== iteration) refuse(`${field}.iteration`, "All fills of a plan serve the same iteration, this one or the next.");
    const { op, stage: anchored, chain } = fill.before;
    if (op !== "OPTIM" && (anchored !== stage || chain !== workload.chain.id)) {
      refuse(`${field}.before`, `Device ${fill.device} holds stage ${stage} of chain "${workload.chain.id}"; the fill is put before an operation of stage ${anchored} of "${chain}".`);
    }
    for (let layer = fill.from; layer < fill.to; layer++) {
      for (let sample = fill.samples[0]; sample < fill.samples[1]; sample++) {
        if (cells[layer][sample] === 1) refuse(`${field}.samples`, `Layer ${layer} of "${fill.component}" already runs for sample ${sample} in an earlier fill.`);
        cells[layer][sample] = 1;
      }
    }
  });
  for (const [component, cells] of covered) {
    cells.forEach((samples, layer) => {
      const missing = samples.indexOf(0);
      if (missing >= 0) refuse("fills", `Layer ${layer} of "${component}" does not run for sample ${missing}.`, "Plan again, or add a fill.");
    });
  }
  if (iteration === 0) plan.fills.forEach((fill, f) => isFirst(plan, fill) || refuse(`fills[${f}].before`, "Frozen work for this iteration comes before the device's first pass."));
}

function isFirst(plan: Plan, fill: Fill): boolean {
  return fill.before.op === "F" && fill.before.microbatch === 0 && plan.chains[0].stages.some((stage, s) => s === fill.before.stage && stage.devices.includes(fill.device));
}
