/** Frozen layers run once for each sample, in order, and what they make is in time where it is used. */
import type { ProfileLayer } from "../../../src/model/profile";
import { described, type Case, type Numbered } from "./check";
import { chainLayers, holdersOf, layerMs, needs } from "./passes";

/** Layers of a component that run before any of its layers in a chain. */
interface Frozen {
  readonly name: string;
  readonly after: readonly string[];
  readonly layers: readonly ProfileLayer[];
}

/** Something frozen and a layer that uses what it makes. */
interface Use {
  readonly from: { readonly component: string; readonly layer: number };
  /** A chain's layer, or a frozen one. */
  readonly by: { readonly chain: number; readonly layer: number } | { readonly component: string; readonly layer: number };
}

function frozenOf({ profile }: Case): readonly Frozen[] {
  return profile.components.flatMap(({ name, after, layers }) => {
    const first = profile.chains.flatMap(({ segments }) => segments.filter(({ component }) => component === name).map(({ from }) => from)).reduce((least, from) => Math.min(least, from), layers.length);
    return first > 0 ? [{ name, after, layers: layers.slice(0, first) }] : [];
  });
}

/** Without tensors, what a component's last layer makes is used by the components after it and by all layers of all chains. */
function usesOf(one: Case, frozen: readonly Frozen[]): readonly Use[] {
  const { profile } = one;
  const chains = profile.chains.map((_, c) => chainLayers(one, c));
  const within = frozen.flatMap(({ name, layers }) => layers.slice(1).map((_, l): Use => ({ from: { component: name, layer: l }, by: { component: name, layer: l + 1 } })));
  const indexOf = (component: string, layer: string) => frozen.find(({ name }) => name === component)?.layers.findIndex(({ name }) => name === layer) ?? -1;
  if (!profile.tensors) {
    const last = frozen.map(({ name, layers }) => ({ component: name, layer: layers.length - 1 }));
    const components = last.flatMap((from) => frozen.filter(({ after }) => after.includes(from.component)).map((other): Use => ({ from, by: { component: other.name, layer: 0 } })));
    return [...within, ...components, ...last.flatMap((from) => chains.flatMap((layers, chain) => layers.map((_, layer): Use => ({ from, by: { chain, layer } }))))];
  }
  const across = profile.tensors.flatMap(({ producer, consumers, transport }) => {
    const from = { component: producer.component, layer: indexOf(producer.component, producer.layer) };
    if (from.layer < 0 || transport === "recompute") return [];
    return consumers.flatMap(({ component, layer }): readonly Use[] => {
      const other = indexOf(component, layer);
      if (other >= 0) return component === from.component ? [] : [{ from, by: { component, layer: other } }];
      return chains.flatMap((layers, chain): readonly Use[] => {
        const at = layers.findIndex((candidate) => candidate.component === component && candidate.name === layer);
        const isLoss = !chains.some((all) => all.some((candidate) => candidate.component === component && candidate.name === layer));
        return at >= 0 ? [{ from, by: { chain, layer: at } }] : isLoss ? [{ from, by: { chain, layer: layers.length - 1 } }] : [];
      });
    });
  });
  return [...within, ...across];
}

/** The frozen work that serves the second iteration shown, all of which is shown. */
export function checkFrozenWork(one: Case): void {
  const { plan, profile, check, find } = one;
  const frozen = frozenOf(one);
  const made = new Map<string, Numbered>();
  const cell = (component: string, layer: number, sample: number) => `${component} ${layer} ${sample}`;
  const fills = find("FILL", { iteration: 1 });
  for (const fill of fills) {
    const { component = "", layers = [0, 0], samples = [0, 0] } = fill;
    const part = frozen.find(({ name }) => name === component);
    const ms = (part?.layers ?? []).slice(...layers).reduce((sum, layer) => sum + layerMs(layer, (time) => time.forwardMs, samples[1] - samples[0]), 0);
    if (one.cluster.nodeGroups.every(({ device }) => device.name === profile.device.name)) check(Math.abs(fill.endMs - fill.startMs - ms) <= 1e-6 * Math.max(1, ms), () => `${described(fill)} should take ${ms} ms`);
    for (let layer = layers[0]; layer < layers[1]; layer++) {
      for (let sample = samples[0]; sample < samples[1]; sample++) {
        check(!made.has(cell(component, layer, sample)), () => `${described(fill)}: layer ${layer} has run for sample ${sample}`);
        made.set(cell(component, layer, sample), fill);
      }
    }
  }
  const wanted = plan.batch.global * frozen.reduce((count, { layers }) => count + layers.length, 0);
  check(made.size === wanted, () => `${made.size} pairs of a frozen layer and a sample, not ${wanted}`);
  const seen = new Set<string>();
  const arrives = (user: Numbered, { component, layer }: Use["from"], sample: number) => {
    const maker = made.get(cell(component, layer, sample));
    if (!maker || maker === user || seen.has(`${maker.at} ${user.at} ${sample}`)) return;
    seen.add(`${maker.at} ${user.at} ${sample}`);
    if (maker.device === user.device) {
      needs(one, user, maker);
      return;
    }
    const received = user.deps.map((dep) => one.operations[dep]).filter((op) => (op.op === "RECV" || op.op === "REDISTRIBUTE") && op.peer === maker.device && op.component === component && op.samples && op.samples[0] <= sample && sample < op.samples[1]);
    const sends = received.map((receive) => receive.deps.map((dep) => one.operations[dep]).find((op) => op.device === maker.device && op.deps.includes(maker.at)));
    const send = sends.find((op) => op !== undefined);
    check(send !== undefined, () => `${described(user)} names no message with what ${described(maker)} makes for sample ${sample}`);
    if (send) needs(one, send, maker);
  };
  const microbatch = plan.batch.global / plan.dataParallel / plan.batch.microbatches;
  const holders = holdersOf(one);
  for (const { from, by } of usesOf(one, frozen)) {
    if ("component" in by) {
      for (const fill of fills.filter(({ component, layers }) => component === by.component && layers && layers[0] <= by.layer && by.layer < layers[1])) {
        for (let sample = fill.samples?.[0] ?? 0; sample < (fill.samples?.[1] ?? 0); sample++) arrives(fill, from, sample);
      }
      continue;
    }
    const { id, stages } = plan.chains[by.chain];
    for (const { device, stage, replica, part, width } of holders.filter((holder) => holder.chain === by.chain && stages[holder.stage].from <= by.layer && by.layer < stages[holder.stage].to)) {
      for (let m = 0; m < plan.batch.microbatches; m++) {
        const start = (replica * plan.batch.microbatches + m) * microbatch + (part * microbatch) / width;
        for (const user of ["F", "SELF_COND"].flatMap((op) => find(op, { device, iteration: 1, chain: id, stage, microbatch: m }))) {
          for (let sample = Math.floor(start); sample < start + microbatch / width; sample++) arrives(user, from, sample);
        }
      }
    }
  }
}
