/**
 * Measuring: how many measurements a model needs and what they cost, how repeatable they are, the FLOP/s that layers reach, the same
 * layers by PyTorch, and what a busy core beside changes. On the CPU, Stable Diffusion 2.1 at a resolution that it can take.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspectModel } from "../../src/app/inspect";
import { launchServices } from "../../src/app/commandLine/launchServices";
import { profileModel, type ProfileOptions } from "../../src/app/profile";
import { profileOn } from "../../src/app/profileOn";
import { localProfileServices } from "../../src/app/profileServices";
import type { BoundLayer, BoundModel } from "../../src/model/model";
import { isUsable, type LayerTime, type Profile } from "../../src/model/profile";
import { nodeFiles } from "../../src/platform/nodeFiles";
import { distinctLayers } from "../../src/profile/measureLayers";
import { passes, passesOf, passFlops, passNames, workKey, type Pass } from "../../src/profile/passes";
import { median, quantile } from "../../src/profile/statistics";
import { correlation } from "./rankCorrelation";

const model = "media/models/stable-diffusion-2-1";
const out = join(process.cwd(), "out/bench/profile");
const repeats = 5;
const batches = [1, 2];
const pixels = 128;

const percent = (ratio: number) => `${(100 * ratio).toFixed(1)} %`;
const print = (line: string) => process.stdout.write(`${line}\n`);
const msOf = (time: LayerTime, pass: Pass) => ({ forward: time.forwardMs, inputGrad: time.inputGradMs, weightGrad: time.weightGradMs })[pass];

async function boundAt(size: number): Promise<BoundModel> {
  const found = await inspectModel(nodeFiles, join(process.cwd(), model));
  return found.bind({ ...found.defaultBindings, height: size, width: size });
}

/** A profile from a cache folder of its own, and the seconds that it took. */
async function measured(bound: BoundModel, cache: string, options: ProfileOptions = {}): Promise<{ profile: Profile; seconds: number; notices: string[] }> {
  const services = { ...localProfileServices(join(process.cwd(), "dist")), cacheFolder: join(out, cache) };
  const notices: string[] = [];
  const start = performance.now();
  const profile = await profileModel(services, bound, { provider: "cpu", batches, ...options }, { onNotice: (text) => notices.push(text) });
  return { profile, seconds: (performance.now() - start) / 1e3, notices };
}

interface Timed {
  readonly label: string;
  readonly layer: BoundLayer;
  readonly pass: Pass;
  readonly batch: number;
  readonly ms: number;
  /** Layers of the model that are like this one. */
  readonly count: number;
}

/** Each distinct measured pass at each batch. */
function timesOf(bound: BoundModel, profile: Profile): readonly Timed[] {
  const layers = bound.components.flatMap((component, c) => component.layers.map((layer, l) => ({ layer, times: profile.components[c].layers[l].times })));
  return distinctLayers(bound.components).flatMap(({ key, label, layer }) => {
    const alike = layers.filter((other) => workKey(other.layer) === key);
    return alike[0].times.filter(isUsable).flatMap((time) => passesOf(layer).map((pass) => ({ label, layer, pass, batch: time.batch, ms: msOf(time, pass), count: alike.length })));
  });
}

function printCounts(bound: BoundModel, first: { seconds: number }, second: { seconds: number }): void {
  const layers = bound.components.flatMap((component) => component.layers);
  const naive = layers.reduce((sum, layer) => sum + passesOf(layer).length, 0) * batches.length;
  const made = distinctLayers(bound.components).reduce((sum, { layer }) => sum + passesOf(layer).length, 0) * batches.length;
  const each = layers.length * passes.length * batches.length;
  print(`${layers.length} layers, batches ${batches.join(", ")}: ${each} times were each layer's F, I and W taken, ${naive} of passes that training makes; ${made} measured (${percent(made / each)}, ${percent(made / naive)}), in ${first.seconds.toFixed(0)} s; again from the cache in ${second.seconds.toFixed(2)} s`);
}

function printRepeatability(runs: readonly (readonly Timed[])[]): void {
  const spreads = runs[0].map((_, index) => {
    const ms = runs.map((run) => run[index].ms);
    return { middle: median(ms), spread: (Math.max(...ms) - Math.min(...ms)) / median(ms) };
  });
  const long = spreads.filter(({ middle }) => middle >= 1);
  const totals = runs.map((run) => run.reduce((sum, { ms, count }) => sum + ms * count, 0));
  const row = (list: typeof spreads) => `median ${percent(median(list.map(({ spread }) => spread)))}, 95th percentile ${percent(quantile(list.map(({ spread }) => spread), 0.95))}`;
  print(`range of ${runs.length} runs over their median: all ${spreads.length} times ${row(spreads)}; the ${long.length} of 1 ms and more ${row(long)}; the sum of all layers ${percent((Math.max(...totals) - Math.min(...totals)) / median(totals))}`);
}

function printEfficiency(times: readonly Timed[], productTflops: number): void {
  const largest = times.filter(({ batch }) => batch === batches[batches.length - 1]);
  const total = largest.reduce((sum, { ms, count }) => sum + ms * count, 0);
  print(`\nFLOP/s against a matrix product's ${(1e3 * productTflops).toFixed(0)} GFLOP/s, batch ${batches[batches.length - 1]}, the 24 that take most\n${"pass".padEnd(46)} ms x layers  of time  GFLOP/s  of product`);
  for (const { label, layer, pass, batch, ms, count } of [...largest].sort((a, b) => b.ms * b.count - a.ms * a.count).slice(0, 24)) {
    const rate = (passFlops(layer, pass) * batch) / ms / 1e6;
    print(`${`${label} ${passNames[pass]}`.padEnd(46)} ${`${ms.toFixed(1)} x ${count}`.padStart(11)} ${percent((ms * count) / total).padStart(8)} ${rate.toFixed(0).padStart(8)} ${percent(rate / (1e3 * productTflops)).padStart(11)}`);
  }
}

function printComparison(ours: readonly Timed[], theirs: readonly Timed[]): void {
  const key = ({ layer, pass, batch }: Timed) => `${workKey(layer)} ${pass} ${batch}`;
  const byKey = new Map(theirs.map((time) => [key(time), time]));
  const pairs = ours.flatMap((our) => {
    const their = byKey.get(key(our));
    return their && their.ms > 0 && our.ms > 0 ? [{ our, their, ratio: our.ms / their.ms }] : [];
  });
  const backward = (times: readonly Timed[]) => {
    const sum = (wanted: readonly Pass[]) => times.filter(({ pass, layer }) => wanted.includes(pass) && (layer.needsInputGrad || layer.needsWeightGrad)).reduce((total, { ms, count }) => total + ms * count, 0);
    return sum(["inputGrad", "weightGrad"]) / sum(["forward"]);
  };
  const spearman = correlation(pairs.map(({ our }) => our.ms), pairs.map(({ their }) => their.ms));
  print(`\nonnxruntime against PyTorch, ${pairs.length} times of the same layers: Spearman correlation ${spearman.toFixed(3)} (aim 0.95)`);
  print(`backward over forward of what trains: ${backward(ours).toFixed(2)} ours, ${backward(theirs).toFixed(2)} PyTorch's, ${percent(backward(ours) / backward(theirs) - 1)} apart (aim 15 %)`);
  const groups = [["all", pairs] as const, ...passes.map((pass) => [passNames[pass], pairs.filter(({ our }) => our.pass === pass)] as const), ...[...new Set(pairs.map(({ our }) => our.layer.kind))].map((kind) => [kind, pairs.filter(({ our }) => our.layer.kind === kind)] as const)];
  print(`ratio ours over PyTorch's${"".padEnd(8)} times   10 %  median    90 %`);
  for (const [name, group] of groups) {
    const ratios = group.map(({ ratio }) => ratio);
    print(`${name.padEnd(32)} ${String(group.length).padStart(5)} ${[0.1, 0.5, 0.9].map((share) => quantile(ratios, share).toFixed(2).padStart(7)).join(" ")}`);
  }
  print("furthest apart, of those that take 1 ms and more:");
  const far = pairs.filter(({ our, their }) => Math.max(our.ms, their.ms) >= 1).sort((a, b) => Math.abs(Math.log(b.ratio)) - Math.abs(Math.log(a.ratio)));
  for (const { our, their, ratio } of far.slice(0, 10)) print(`  ${`${our.label} ${passNames[our.pass]}, batch ${our.batch}`.padEnd(56)} ${our.ms.toFixed(1).padStart(8)} ms against ${their.ms.toFixed(1).padStart(8)}, ${ratio.toFixed(2)}`);
}

/** A target that is this machine, all its cores for one rank. */
function wholeMachine(): string {
  const target = { format: "diffusionpipe.target/1", kind: "local", name: "this machine, all cores", cluster: join(process.cwd(), "media/sample/local.cluster.json"), interpreter: "python3", folder: "runs", pinCores: false };
  const file = join(out, "whole.target.json");
  writeFileSync(file, JSON.stringify(target));
  return file;
}

async function compareBusy(bound: BoundModel): Promise<void> {
  const [alone, beside] = [await measured(bound, "alone", { threads: 1, batches: [1] }), await measured(bound, "beside", { threads: 1, batches: [1], busyCores: 1 })];
  const ratios = timesOf(bound, beside.profile).flatMap(({ ms }, index) => {
    const before = timesOf(bound, alone.profile)[index].ms;
    return before >= 0.1 ? [ms / before] : [];
  });
  print(`\none thread with the other core busy over one thread alone, ${ratios.length} times of 0.1 ms and more: 10 % ${quantile(ratios, 0.1).toFixed(2)}, median ${median(ratios).toFixed(2)}, 90 % ${quantile(ratios, 0.9).toFixed(2)}`);
}

export async function run(): Promise<void> {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const bound = await boundAt(pixels);
  print(`${model}, ${pixels} pixels, on the CPU with all its cores`);
  const first = await measured(bound, "cache-0");
  printCounts(bound, first, await measured(bound, "cache-0"));
  const runs = [];
  for (let index = 0; index < repeats; index += 1) runs.push(timesOf(bound, (await measured(bound, `repeat-${index}`, { batches: [1], seed: index })).profile));
  printRepeatability(runs);
  first.notices.forEach(print);
  const ours = timesOf(bound, first.profile);
  printEfficiency(ours, first.profile.device.productTflops ?? 0);
  const theirs = await profileOn({ ...launchServices(), trainerFolder: join(process.cwd(), "src/trainer") }, bound, wholeMachine(), { batches });
  writeFileSync(join(out, "onnxruntime.profile.json"), JSON.stringify(first.profile));
  writeFileSync(join(out, "pytorch.profile.json"), JSON.stringify(theirs));
  printComparison(ours, timesOf(bound, theirs));
  await compareBusy(bound);
}
