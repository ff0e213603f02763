/** The rules of a plan that need its profile and cluster; the schema has those that don't. */
import { UserError } from "../model/errors";
import type { Plan } from "../model/plan";
import type { Workload } from "../model/workload";
import { replicasPerPipeline } from "../schedule/generators";
import { allPipelines, checkShape, holdingsOf, pipelineDevices, placeOf, replicasIn, stageDevices, widthOf, worldSizeOf } from "./placement";

type Refuse = (field: string, message: string, hint?: string) => never;

/** @throws UserError naming the field (and `file`) of the first rule that `plan` breaks. */
export function validatePlan(plan: Plan, workload: Workload, deviceCount: number, file?: string): void {
  const refuse: Refuse = (field, message, hint) => {
    throw new UserError(message, { file, field, hint });
  };
  if (plan.chains.length !== workload.chains.length) refuse("chains", `The profile has ${workload.chains.length} chains, the plan ${plan.chains.length}.`);
  workload.chains.forEach(({ chain: { id }, layers }, c) => {
    const { id: planned, stages } = plan.chains[c];
    if (planned !== id) refuse(`chains[${c}].id`, `The profile's chain is "${id}", not "${planned}".`);
    const last = stages[stages.length - 1];
    if (last.to !== layers.length) refuse(`chains[${c}].stages[${stages.length - 1}].to`, `The stages hold ${last.to} layers; the chain has ${layers.length}.`);
  });
  validateDevices(plan, deviceCount, refuse);
  validateFills(plan, workload, refuse);
}

function validateDevices(plan: Plan, deviceCount: number, refuse: Refuse): void {
  const each = replicasPerPipeline(plan.schedule.name);
  if (plan.dataParallel % each !== 0) refuse("dataParallel", `${plan.schedule.name} runs ${each} replicas on the devices of one pipeline; ${plan.dataParallel} cannot be paired.`);
  const used = new Set<number>();
  plan.chains.forEach(({ stages }, c) =>
    stages.forEach(({ devices }, s) =>
      devices.forEach((device, d) => {
        const field = `chains[${c}].stages[${s}].devices[${d}]`;
        if (device >= deviceCount) refuse(field, `The cluster has ${deviceCount} devices, 0 to ${deviceCount - 1}; found ${device}.`);
        if (devices.indexOf(device) !== d) refuse(field, `Device ${device} is there twice.`);
        used.add(device);
      }),
    ),
  );
  const samples = plan.batch.global / plan.dataParallel / plan.batch.microbatches;
  plan.chains.forEach(({ stages }, c) =>
    stages.forEach((stage, s) => {
      const width = widthOf(plan, stage);
      if (samples % width !== 0) refuse(`chains[${c}].stages[${s}].devices`, `${width} devices cannot share micro-batches of ${samples} samples in equal parts.`);
    }),
  );
  const missing = Array.from({ length: worldSizeOf(plan) }, (_, device) => device).find((device) => !used.has(device));
  if (missing !== undefined) refuse("chains[0].stages", `The plan uses ${used.size} devices, so they must be 0 to ${used.size - 1}; device ${missing} holds no stage.`);
  const pipelines = allPipelines(plan);
  try {
    checkShape(plan);
  } catch (error) {
    if (error instanceof UserError) refuse(error.field ?? "schedule", error.reason);
    throw error;
  }
  const owner = new Map<number, string>();
  for (const pipeline of pipelines) pipelineDevices(plan, pipeline).forEach((devices, place) => devices.forEach((device) => owner.set(device, `${pipeline} ${place}`)));
  plan.chains.forEach(({ stages }, c) =>
    stages.forEach((stage, s) => {
      for (const pipeline of pipelines) {
        replicasIn(plan, pipeline).forEach((replica, way) =>
          stageDevices(plan, c, s, replica).forEach((device, d) => {
            if (owner.get(device) === `${pipeline} ${placeOf(plan, c, s, way === 0 ? 0 : 1)}`) return;
            refuse(`chains[${c}].stages[${s}].devices[${d + replica * widthOf(plan, stage)}]`, `Device ${device} holds another stage that the schedule "${plan.schedule.name}" puts elsewhere.`);
          }),
        );
      }
    }),
  );
}

function validateFills(plan: Plan, workload: Workload, refuse: Refuse): void {
  const held = holdingsOf(plan);
  const covered = new Map(workload.frozen.map((part) => [part.component, Array.from({ length: part.to }, () => new Uint8Array(plan.batch.global))]));
  const iteration = plan.fills[0]?.iteration ?? 1;
  plan.fills.forEach((fill, f) => {
    const field = `fills[${f}]`;
    const cells = covered.get(fill.component) ?? refuse(`${field}.component`, `"${fill.component}" is not frozen work of this profile.`);
    if (fill.to > cells.length) refuse(`${field}.to`, `"${fill.component}" has ${cells.length} frozen layers.`);
    const stages = held[fill.device] ?? refuse(`${field}.device`, `Device ${fill.device} is not part of the plan.`);
    if ((fill.iteration ?? 1) !== iteration) refuse(`${field}.iteration`, "All fills of a plan serve the same iteration, this one or the next.");
    const { op, stage: anchored, chain } = fill.before;
    if (op !== "OPTIM" && !stages.some((own) => own.stage === anchored && plan.chains[own.chain].id === chain)) {
      const names = stages.map((own) => `stage ${own.stage} of "${plan.chains[own.chain].id}"`).join(", ");
      refuse(`${field}.before`, `Device ${fill.device} holds ${names}; the fill is put before an operation of stage ${anchored} of "${chain}".`);
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
  if (iteration === 0) {
    plan.fills.forEach((fill, f) => {
      const { op, microbatch } = fill.before;
      if ((op !== "F" && op !== "SELF_COND") || microbatch !== 0) refuse(`fills[${f}].before`, "Frozen work for this iteration comes before the device's first pass.");
    });
  }
}
