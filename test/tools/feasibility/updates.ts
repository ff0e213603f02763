/** Gradients are summed over all that hold a stage, weights change once, and nothing begins before they have. */
import { described, notAfter, type Case, type Numbered } from "./check";
import { holdersOf, needs } from "./passes";

export function checkUpdates(one: Case): void {
  const { plan, timeline, check, find, operations } = one;
  const holders = holdersOf(one);
  const isGradient = ({ op }: Numbered) => op === "B" || op === "W";
  for (const iteration of [0, 1]) {
    const norms = find("GRAD_NORM", { iteration });
    check(norms.length === (plan.optimizer.maxGradNorm === undefined ? 0 : timeline.devices.length), () => `iteration ${iteration}: ${norms.length} gradient norms`);
    for (const { device, chain: c, stage } of holders) {
      const { id: chain, stages } = plan.chains[c];
      const here = { device, iteration, chain, stage };
      const peers = [...new Set(stages[stage].devices)];
      const gradients = operations.filter((op) => op.iteration === iteration && op.chain === chain && op.stage === stage && isGradient(op) && peers.includes(op.device));
      const own = gradients.filter((op) => op.device === device);
      const last = own.reduce((latest, op) => (op.endMs > latest.endMs ? op : latest), own[0]);
      const [step, ...more] = find("OPTIM", here);
      check(step !== undefined && more.length === 0, () => `iteration ${iteration}, device ${device}, "${chain}" stage ${stage}: ${step ? 1 + more.length : 0} optimizer steps`);
      const reduces = find("REDUCE", here);
      check(reduces.length === (peers.length > 1 ? 1 : 0), () => `iteration ${iteration}, device ${device}, "${chain}" stage ${stage}: ${reduces.length} all-reduces among ${peers.length} devices`);
      if (!step || !last) continue;
      for (const reduce of reduces) {
        check(gradients.every((op) => notAfter(op.endMs, reduce.endMs)), () => `${described(reduce)} ends before all gradients are made`);
        for (const peer of peers) check(find("REDUCE", { ...here, device: peer }).every((other) => Math.abs(other.endMs - reduce.endMs) < 1e-6), () => `${described(reduce)} does not end with that of device ${peer}`);
      }
      const [result = last] = reduces;
      needs(one, step, result);
      const norm = norms.find((op) => op.device === device);
      if (norm) {
        needs(one, step, norm);
        needs(one, norm, result);
      }
      for (const average of find("EMA", here)) needs(one, average, step);
      if (iteration === 1) continue;
      for (const next of ["F", "SELF_COND"].flatMap((op) => find(op, { ...here, iteration: 1 }))) needs(one, next, step);
      const [then] = find("OPTIM", { ...here, iteration: 1 });
      // Iterations may take turns, one a little longer than the next, and a faster device drifts before it waits for the others.
      if (then) check(Math.abs(then.startMs - step.startMs - timeline.periodMs) <= 0.05 * timeline.periodMs, () => `device ${device}: from step to step ${then.startMs - step.startMs} ms, not a period of ${timeline.periodMs}`);
    }
    // A barrier: no rank's norm is known before all gradients are.
    const all = operations.filter((op) => op.iteration === iteration && isGradient(op));
    for (const norm of norms) check(all.every((op) => notAfter(op.endMs, norm.endMs)), () => `${described(norm)} ends before all gradients are made`);
  }
}
