/** Options of every command that takes a model: what trains, and at which sizes. */
import { UserError } from "../../model/errors";
import type { Bindings } from "../../model/profile";
import type { LoraChoice, ModelChoice } from "../../parse/roles";
import { commaList, wholeNumber } from "./command";

export const modelOptions = {
  train: { type: "string" }, freeze: { type: "string" }, lora: { type: "string", multiple: true }, answer: { type: "string", multiple: true }, "self-conditioning": { type: "string" },
  height: { type: "string" }, width: { type: "string" }, "sequence-length": { type: "string" }, frames: { type: "string" },
} as const;

export const modelUsage =
  "[--train NAMES] [--freeze NAMES] [--lora COMPONENT:RANK[/ALPHA]:MODULES]… [--self-conditioning SHARE] [--answer NAME=VALUE]… [--height H] [--width W] [--sequence-length L] [--frames F]";

type Values = { readonly [K in Exclude<keyof typeof modelOptions, "lora" | "answer">]?: string } & { readonly lora?: readonly string[]; readonly answer?: readonly string[] };

/** @throws UserError naming the option. */
export function choiceOf(values: Values): ModelChoice {
  return {
    train: commaList(values.train),
    freeze: commaList(values.freeze),
    ...(values.lora && { lora: Object.fromEntries(values.lora.map(loraOf)) }),
    ...(values.answer && { answers: Object.fromEntries(values.answer.map(answerOf)) }),
    ...(values["self-conditioning"] !== undefined && { selfConditioning: shareOf(values["self-conditioning"]) }),
  };
}

/** Sizes that were asked for. @throws UserError naming the option. */
export function sizesOf(values: Values): Partial<Bindings> {
  const sizes = {
    height: wholeNumber(values.height, "height"),
    width: wholeNumber(values.width, "width"),
    sequenceLength: wholeNumber(values["sequence-length"], "sequence-length"),
    frames: wholeNumber(values.frames, "frames"),
  };
  return Object.fromEntries(Object.entries(sizes).filter(([, value]) => value !== undefined));
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

function shareOf(text: string): number {
  const share = Number(text);
  if (!(share > 0 && share <= 1)) throw new UserError(`--self-conditioning takes a share of the steps, above 0 and at most 1, found "${text}".`);
  return share;
}
