/**
 * Passes of a schedule that annotates none, as PyTorch's Schedule1F1B: what autograd runs in one go is a backward pass, what else is
 * computed in one go before it a forward pass. They are numbered in order, as such schedules run them.
 */
import { communicationOf, isCommunication } from "./names";
import { byStart, spanOf, type Pass } from "./spans";
import { Stretches } from "./stretches";
import type { Span } from "./traceFile";

interface Run {
  readonly op: "F" | "B";
  readonly operators: Span[];
  /** Before it. */
  readonly received: readonly Span[];
  /** After it. */
  readonly sent: Span[];
}

const isBackward = ({ name }: Span) => name.startsWith("autograd::");

/**
 * @param operators Of the CPU, outermost, sorted by start. @param steps The profiler's. @param annotations All others: what one of them
 * holds that has no gradients (frozen work, clearing gradients, the optimizer) is no pass.
 */
export function unnamedPasses(operators: readonly Span[], steps: readonly Span[], annotations: readonly Span[]): readonly Pass[] {
  const startedIn = ({ startUs, endUs }: Span) => operators.slice(byStart.left(operators, startUs), byStart.left(operators, endUs));
  const aside = new Stretches(annotations.filter((annotation) => !isCommunication(annotation.name) && !startedIn(annotation).some(isBackward)));
  return steps.flatMap((step) => passesOf(runsOf(startedIn(step).filter(({ startUs }) => !aside.touch({ startUs, endUs: startUs }))), step));
}

/** Operators of one sort, without communication between them. */
function runsOf(operators: readonly Span[]): readonly Run[] {
  const runs: Run[] = [];
  let received: Span[] = [];
  let isOpen = false;
  for (const operator of operators) {
    const last = runs[runs.length - 1];
    if (isCommunication(operator.name)) {
      isOpen = false;
      const way = communicationOf(operator.name);
      if (way === "SEND") last?.sent.push(operator);
      else if (way === "RECV") received.push(operator);
      continue;
    }
    const op = isBackward(operator) ? "B" : "F";
    if (isOpen && last?.op === op) last.operators.push(operator);
    else {
      runs.push({ op, operators: [operator], received, sent: [] });
      received = [];
    }
    isOpen = true;
  }
  return runs;
}

/** As many forward passes as backward ones, those of most operators: between them are moments in which the schedule keeps its books. */
function passesOf(runs: readonly Run[], step: Span): readonly Pass[] {
  const last = runs.findLastIndex(({ op }) => op === "B");
  const backward = runs.filter(({ op }) => op === "B");
  const forward = runs.slice(0, last + 1).filter(({ op }) => op === "F").sort((a, b) => b.operators.length - a.operators.length).slice(0, backward.length);
  const kept = new Set([...backward, ...forward]);
  const numbers = { F: 0, B: 0 };
  const passes: Pass[] = [];
  let waiting: readonly Span[] = [];
  for (const run of runs) {
    waiting = [...waiting, ...run.received];
    const before = passes[passes.length - 1];
    if (kept.has(run)) {
      const microbatch = numbers[run.op]++;
      passes.push({ ...step, name: `${run.op === "F" ? "Forward" : "Backward"} ${microbatch}`, meaning: { op: run.op, microbatch }, ...spanOf([...waiting, ...run.operators, ...run.sent])! });
      waiting = [];
    } else if (before && run.sent.length > 0) passes[passes.length - 1] = { ...before, endUs: spanOf([before, ...run.sent])!.endUs };
  }
  // What is sent late lies within the next pass, which has begun to wait.
  return passes.map((pass, index) => ({ ...pass, endUs: Math.min(pass.endUs, passes[index + 1]?.startUs ?? Infinity) }));
}
