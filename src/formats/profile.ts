/** `NAME.profile.json`. */
import { z } from "zod";
import type { Profile } from "../model/profile";
import type { Format } from "./document";
import { amount, count, fileRef, layerRef, name, positive, segment } from "./parts";

const time = z.looseObject({
  batch: positive,
  forwardMs: amount,
  inputGradMs: amount,
  weightGradMs: amount,
  spreadMs: amount.optional(),
  source: z.enum(["measured", "estimate"]),
  gradSource: z.enum(["measured", "estimate"]).optional(),
  status: z.enum(["ok", "oom", "crashed"]).optional(),
  message: z.string().optional(),
});

const layer = z.looseObject({
  name,
  needsInputGrad: z.boolean(),
  needsWeightGrad: z.boolean(),
  signature: z.string().optional(),
  paramBytes: amount,
  gradBytes: amount.optional(),
  flopsPerSample: amount.optional(),
  trafficBytesPerSample: amount.optional(),
  savedBytesPerSample: z.looseObject({ untilInputGrad: amount, untilWeightGrad: amount }),
  workspaceBytes: amount.optional(),
  cutBytesPerSample: z.looseObject({ forward: amount, backward: amount }),
  times: z.array(time).min(1),
  optimizerMs: amount.optional(),
});

const names = z.array(name);

/** `ModelChoice`. */
export const modelChoice = z.looseObject({
  train: names.optional(),
  freeze: names.optional(),
  lora: z.record(name, z.looseObject({ rank: positive, alpha: amount.optional(), targetModules: names })).optional(),
  selfConditioning: z.number().min(0).max(1).optional(),
  cut: z.looseObject({ minShare: z.number().min(0).max(1).optional(), maxLayers: positive.optional(), components: names.optional() }).optional(),
  answers: z.record(name, z.string()).optional(),
});

const schema: z.ZodType<Profile> = z.looseObject({
  format: z.literal("diffusionpipe.profile/1"),
  model: fileRef,
  choice: modelChoice.optional(),
  runtimeVersion: z.string().optional(),
  bindings: z.looseObject({ height: positive, width: positive, sequenceLength: positive, frames: positive.optional(), symbols: z.record(name, positive).optional() }),
  device: z.looseObject({ name: z.string(), provider: z.string(), precision: z.string(), memoryBytes: amount, threads: positive.optional(), busyCores: count.optional(), productTflops: amount.optional(), note: z.string().optional() }),
  chains: z.array(
    z.looseObject({
      id: name,
      segments: z.array(segment).min(1),
      selfConditioning: z.looseObject({ probability: z.number().min(0).max(1), feedbackBytesPerSample: amount }).optional(),
    }),
  ).min(1),
  components: z.array(z.looseObject({ name, class: z.string().optional(), after: z.array(name), layers: z.array(layer).min(1) })).min(1),
  tensors: z.array(
    z.looseObject({
      id: name,
      producer: layerRef,
      consumers: z.array(layerRef),
      bytesPerSample: amount,
      bytesFixed: amount.optional(),
      hasGradient: z.boolean(),
      transport: z.enum(["chain", "redistribute", "recompute"]),
    }),
  ).optional(),
});

/** Names must resolve: segments and `after` to components, ranges to layers, `after` without a cycle, a usable time per layer. */
function check(profile: Profile): { field: string; message: string } | undefined {
  const byName = new Map(profile.components.map((component) => [component.name, component]));
  if (byName.size !== profile.components.length) return { field: "components", message: "Two components have one name." };
  for (const [c, component] of profile.components.entries()) {
    for (const [a, other] of component.after.entries()) {
      if (!byName.has(other)) return { field: `components[${c}].after[${a}]`, message: `There is no component "${other}".` };
    }
    for (const [l, layer] of component.layers.entries()) {
      if (!layer.times.some((time) => (time.status ?? "ok") === "ok")) {
        return { field: `components[${c}].layers[${l}].times`, message: `Layer "${layer.name}" has no usable time; profile it again.` };
      }
    }
  }
  const visiting = new Set<string>();
  const done = new Set<string>();
  const cyclic = (component: string): boolean => {
    if (done.has(component)) return false;
    if (visiting.has(component)) return true;
    visiting.add(component);
    const found = (byName.get(component)?.after ?? []).some(cyclic);
    done.add(component);
    return found;
  };
  for (const [c, component] of profile.components.entries()) {
    if (cyclic(component.name)) return { field: `components[${c}].after`, message: "Components need each other in a circle." };
  }
  for (const [c, chain] of profile.chains.entries()) {
    for (const [s, part] of chain.segments.entries()) {
      const component = byName.get(part.component);
      const field = `chains[${c}].segments[${s}]`;
      if (!component) return { field, message: `There is no component "${part.component}".` };
      if (part.from >= part.to || part.to > component.layers.length) {
        return { field, message: `Layers [${part.from}, ${part.to}) are not within the ${component.layers.length} of "${part.component}".` };
      }
    }
  }
  return undefined;
}

export const profileFormat: Format<Profile> = { id: "diffusionpipe.profile/1", extension: ".profile.json", schema, check };
