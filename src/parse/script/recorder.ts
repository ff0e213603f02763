/** Collects what a script does to its models while it is followed. */
import type { Fact, LoraFact, OpenQuestion, ScriptFacts } from "./facts";
import { optionsOf, type ParameterSet, type Part, type Value } from "./values";

const mostParts = 200;

export class Recorder {
  readonly parts: Part[] = [];
  readonly pipelines: (Value & { readonly kind: "pipeline" })[] = [];
  readonly optimizers: { class: string; parts: Set<Part>; learningRate?: number; line: number }[] = [];
  readonly notes: { message: string; line: number }[] = [];
  readonly open: OpenQuestion[] = [];
  resolution?: ScriptFacts["resolution"];
  batchSize?: Fact<number> & { readonly shuffled: boolean };
  gradientAccumulation?: Fact<number>;
  precision?: ScriptFacts["precision"];
  predictionType?: Fact<string>;
  castPrecision?: ScriptFacts["precision"];
  ema?: { line: number };

  note(line: number, message: string): void {
    if (!this.notes.some((note) => note.line === line && note.message === message)) this.notes.push({ line, message });
  }

  /** A model that the script makes; past a bound it is the last one again. */
  part(made: Pick<Part, "origin" | "line"> & Partial<Part>): Part {
    if (this.parts.length >= mostParts) return this.parts[mostParts - 1];
    const part: Part = { gradients: "all", loraTrains: false, open: new Map(), ...made };
    this.parts.push(part);
    return part;
  }

  /** @param some The call reaches only those chosen by a condition. */
  setGradients(sets: readonly ParameterSet[], on: boolean, line: number, some = false): void {
    for (const { part, only } of sets) {
      if (some || only === "some") {
        part.gradients = part.gradients === (on ? "all" : "none") ? part.gradients : "partly";
        continue;
      }
      part.gradients = on ? "all" : "none";
      part.frozen = on ? undefined : { line };
      if (part.lora) part.loraTrains = on;
    }
  }

  /** Adapters freeze what they are put on. */
  adapt(part: Part, lora: LoraFact): void {
    part.lora = lora;
    part.loraTrains = true;
    part.gradients = "none";
  }

  optimizer(className: string, given: readonly ParameterSet[], learningRate: number | undefined, line: number): void {
    const optimizer = { class: className, parts: new Set<Part>(), learningRate, line };
    for (const { part, only } of given) {
      const getsGradients = part.gradients !== "none" || (part.lora !== undefined && part.loraTrains);
      if (!getsGradients) {
        if (only !== "gradients") this.note(line, `The optimizer is given parameters of ${part.variable ?? "a model"} that are frozen (line ${part.frozen?.line ?? "?"}); they do not train.`);
        continue;
      }
      optimizer.parts.add(part);
      part.trained = { line, partly: only === "some" || (part.gradients === "partly" && !part.lora) };
    }
    this.optimizers.push(optimizer);
  }

  averaged(value: Value, line: number): void {
    this.ema ??= { line };
    // The weights that an average starts from are its own copy, not a second model.
    for (const option of optionsOf(value)) if (option.kind === "parameters") for (const { part } of option.sets) part.averaged = true;
  }
}
