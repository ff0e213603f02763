/** Options of every command that takes a model: what trains, and at which sizes. */
import { UserError } from "../../model/errors";
import type { Bindings } from "../../model/profile";
import type { LoraChoice, ModelChoice } from "../../model/choice";
import { commaList, wholeNumber } from "./command";

export const modelOptions = {
  train: { type: "string" }, freeze: { type: "string" }, lora: { type: "string", multiple: true }, answer: { type: "string", multiple: true }, "self-conditioning": { type: "string" },
  height: { type: "string" }, width: { type: "string" }, "sequence-length": { type: "string" }, frames: { type: "string" }, size: { type: "string", multiple: true },
  "min-share": { type: "string" }, "max-layers": { type: "string" }, components: { type: "string" },
} as const;

export const modelUsage =
  "[--train NAMES] [--freeze NAMES] [--lora COMPONENT:RANK[/ALPHA]:MODULES]… [--self-conditioning SHARE] [--answer NAME=VALUE]… [--height H] [--width W] [--sequence-length L] [--frames F] [--size DIMENSION=N]… [--min-share X] [--max-layers N] [--components NAMES]";

type Several = "lora" | "answer" | "size";
/** The options as they were given. */
export type ModelValues = { readonly [K in Exclude<keyof typeof modelOptions, Several>]?: string } & { readonly [K in Several]?: readonly string[] };

/** @throws UserError naming the option. */
export function choiceOf(values: ModelValues): ModelChoice {
  const cut = { ...(values["min-share"] !== undefined && { minShare: shareOf("min-share", values["min-share"]) }), maxLayers: wholeNumber(values["max-layers"], "max-layers"), components: commaList(values.components) };
  return {
    train: commaList(values.train),
    freeze: commaList(values.freeze),
    ...(values.lora && { lora: Object.fromEntries(values.lora.map(loraOf)) }),
    ...(values.answer && { answers: Object.fromEntries(values.answer.map(answerOf)) }),
    ...(values["self-conditioning"] !== undefined && { selfConditioning: shareOf("self-conditioning", values["self-conditioning"]) }),
    ...(Object.values(cut).some((value) => value !== undefined) && { cut }),
  };
}

/** Sizes that were asked for. @throws UserError naming the option. */
export function sizesOf(values: ModelValues): Partial<Bindings> {
  const sizes = {
    height: wholeNumber(values.height, "height"),
    width: wholeNumber(values.width, "width"),
    sequenceLength: wholeNumber(values["sequence-length"], "sequence-length"),
    frames: wholeNumber(values.frames, "frames"),
    symbols: values.size && Object.fromEntries(values.size.map(symbolOf)),
  };
  return Object.fromEntries(Object.entries(sizes).filter(([, value]) => value !== undefined));
}

/** A dimension of an ONNX file that is none of the others, by the file's own name. */
function symbolOf(text: string): readonly [string, number] {
  const match = /^(.+)=([1-9]\d*)$/.exec(text);
  if (!match) throw new UserError(`--size takes DIMENSION=N, found "${text}".`);
  return [match[1], Number(match[2])];
}

function loraOf(text: string): readonly [string, LoraChoice] {
  const match = /^([^:]+):(\d+)(?:\/(\d+(?:\.\d+)?))?:(.+)$/.exec(text);
  if (!match) throw new UserError(`--lora takes COMPONENT:RANK:MODULES, e.g. unet:8:to_q,to_k,to_v,to_out.0, found "${text}".`);
  const [, component, rank, alpha, modules] = match;
  return [component, { rank: Number(rank), ...(alpha !== undefined && { alpha: Number(alpha) }), targetModules: commaList(modules) ?? [] }];
}

function answerOf(text: string): readonly [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw new UserError(`--answer takes NAME=VALUE, e.g. pretrained_model_name_or_path=acme/model, found "${text}".`);
  return [text.slice(0, at).replace(/^--/, ""), text.slice(at + 1)];
}

function shareOf(option: string, text: string): number {
  const share = Number(text);
  if (!(share > 0 && share <= 1)) throw new UserError(`--${option} takes a share above 0 and at most 1, found "${text}".`);
  return share;
}
