/** A LoRA configuration of peft as a script gives it. */
import type { LoraFact } from "./facts";
import { numberOf, textOf, type Value } from "./values";

/** peft's defaults. */
const usualRank = 8;
/** What diffusers' attention processors adapted before there was peft. */
const projections = ["to_q", "to_k", "to_v", "to_out.0"];

/** @param config A `LoraConfig(...)`; undefined for adapters that are given as attention processors. */
export function loraOf(config: Value | undefined, line: number): LoraFact {
  const option = config?.kind === "choice" ? config.options.find(({ kind }) => kind === "instance") : config;
  if (option?.kind !== "instance") return { rank: config ? undefined : 4, targetModules: projections, line };
  const argument = (name: string, position: number) => option.keywords.get(name) ?? option.positional[position];
  const rank = argument("r", 0);
  const alpha = argument("lora_alpha", 2);
  return {
    rank: rank === undefined ? usualRank : numberOf(rank),
    ...(alpha === undefined ? { alpha: usualRank } : numberOf(alpha) !== undefined && { alpha: numberOf(alpha) }),
    targetModules: modulesOf(argument("target_modules", 1)),
    line: option.line,
  };
}

function modulesOf(value: Value | undefined): readonly string[] {
  if (value?.kind === "sequence") return value.items.flatMap((item) => textOf(item) ?? []);
  if (value?.kind === "choice") return modulesOf(value.options[0]);
  const text = textOf(value);
  return text === undefined ? [] : [text];
}
