/** Whether today's trainer can run a plan: the planner knows more plans than the trainer does. */
import type { Plan, Runnable } from "../model/plan";
import type { Workload } from "../model/workload";

const frozenClasses = new Set(["AutoencoderKL", "CLIPTextModel"]);
const schedules = new Set<string>(["ddp", "gpipe", "1f1b", "interleaved"]);
/** What the trainer makes of an image folder. */
const dataValues = new Set(["timesteps", "noise", "pixel_values", "input_ids"]);

export function runnable(plan: Pick<Plan, "training" | "schedule" | "recompute" | "chains" | "dataParallel" | "frozenPrecision">, workload: Workload): Runnable {
  const { profile } = workload;
  if (workload.chains.length > 1) return { reason: `The trainer trains one chain; this plan has ${workload.chains.length}.` };
  const [{ chain, layers }] = workload.chains;
  if (!schedules.has(plan.schedule.name)) return { reason: `The trainer does not run the schedule "${plan.schedule.name}".` };
  if (plan.recompute) return { reason: "The trainer does not compute activations again." };
  const other = Object.entries(plan.frozenPrecision ?? {}).find(([, precision]) => precision !== plan.training.precision);
  if (other) return { reason: `The trainer runs frozen components in the precision of the training; "${other[0]}" is to run in ${other[1]}.` };
  const shared = plan.chains[0].stages.findIndex(({ devices }) => devices.length !== plan.dataParallel);
  if (shared >= 0) return { reason: `The trainer runs each stage of a replica on one device; stage ${shared} has several.` };
  if (/\.(?:py|safetensors|onnx)$/.test(profile.model.path)) return { reason: `The trainer trains a folder of diffusers; this plan's model is the file ${profile.model.path}.` };
  const classOf = (name: string) => profile.components.find((component) => component.name === name)?.class;
  const trained = [...new Set(chain.segments.map((segment) => segment.component))];
  if (trained.length !== 1 || classOf(trained[0]) !== "UNet2DConditionModel") {
    return { reason: `The trainer trains one UNet2DConditionModel; this chain runs ${trained.map((name) => `${name} (${classOf(name) ?? "class unknown"})`).join(", ")}.` };
  }
  if (chain.segments.some(({ from }) => from > 0) || layers.some((layer) => layer.needsWeightGrad && (layer.gradBytes ?? layer.paramBytes) < layer.paramBytes)) {
    return { reason: "The trainer trains whole components, not a part of their layers or parameters (LoRA)." };
  }
  const odd = workload.frozen.find((part) => !frozenClasses.has(classOf(part.component) ?? ""));
  if (odd) return { reason: `The trainer runs ${[...frozenClasses].join(" and ")} as frozen work; "${odd.component}" is ${classOf(odd.component) ?? "of unknown class"}.` };
  const missing = [...frozenClasses].find((name) => !workload.frozen.some((part) => classOf(part.component) === name));
  if (missing !== undefined) return { reason: `The trainer needs an ${missing} among the frozen components.` };
  if (!profile.tensors) return { reason: "The profile has no tensors, so what stages send each other is not known." };
  const given = profile.tensors.find(({ producer }) => producer.component === "data" && !dataValues.has(producer.layer));
  if (given) return { reason: `The trainer's data has no "${given.producer.layer}", which this model takes.` };
  if (chain.selfConditioning) return { reason: "The trainer does not do self-conditioning." };
  if (plan.training.predictionType === "flow_prediction") return { reason: "The trainer does not train by flow matching." };
  if (plan.training.precision === "fp16") return { reason: "The trainer runs fp32 and bf16, not fp16." };
  return true;
}
