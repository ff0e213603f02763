/** Searches in a worker, so that whoever asks for one goes on meanwhile; a cancelled one ends at once. */
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { Cancelled, UserError } from "../model/errors";
import type { Plan } from "../model/plan";
import type { Baseline, Method } from "../planner/baselines/baselines";
import type { SearchHooks, SearchPlan } from "../planner/search/search";
import type { Replan } from "../protocol/messages";
import type { Context } from "../simulate/context";
import type { Alternatives } from "./alternatives";
import type { Comparison } from "./compare";
import type { SearchReply, SearchRequest } from "./searchMessages";

/** The search and the comparison as they are called without a worker. */
export interface Searches {
  readonly searchPlan: SearchPlan;
  compare(plan: Plan, context: Context, hooks?: SearchHooks): Promise<Comparison>;
  alternativesTo(plan: Plan, context: Context, hooks?: SearchHooks): Promise<Alternatives>;
  baselines(plan: Plan, context: Context, methods: readonly Method[], hooks?: SearchHooks): Promise<readonly Baseline[]>;
  replan(plan: Plan, request: Replan, context: Context, hooks?: SearchHooks): Promise<Plan>;
}

/** @param scripts The folder of the built scripts (`dist`), where search.js is. */
export function workerSearches(scripts: string): Searches {
  const script = join(scripts, "search.js");
  const inputsOf = ({ workload, cluster }: Context) => ({ profile: workload.profile, cluster });
  return {
    async searchPlan(base, space, context, hooks = {}) {
      const reply = await ask(script, { kind: "plan", ...inputsOf(context), base, space }, hooks);
      if (reply.kind !== "planned") throw new Error(`The search worker answered "${reply.kind}" to a search.`);
      return reply.result;
    },
    async compare(plan, context, hooks = {}) {
      const reply = await ask(script, { kind: "compare", ...inputsOf(context), plan }, hooks);
      if (reply.kind !== "compared") throw new Error(`The search worker answered "${reply.kind}" to a comparison.`);
      return reply.result;
    },
    async alternativesTo(plan, context, hooks = {}) {
      const reply = await ask(script, { kind: "alternatives", ...inputsOf(context), plan }, hooks);
      if (reply.kind !== "alternatives") throw new Error(`The search worker answered "${reply.kind}" to alternatives.`);
      return reply.result;
    },
    async baselines(plan, context, methods, hooks = {}) {
      const reply = await ask(script, { kind: "baselines", ...inputsOf(context), plan, methods }, hooks);
      if (reply.kind !== "baselines") throw new Error(`The search worker answered "${reply.kind}" to baselines.`);
      return reply.result;
    },
    async replan(plan, request, context, hooks = {}) {
      const reply = await ask(script, { kind: "replan", ...inputsOf(context), plan, request }, hooks);
      if (reply.kind !== "replanned") throw new Error(`The search worker answered "${reply.kind}" to a plan's change.`);
      return reply.plan;
    },
  };
}

type Result = Exclude<SearchReply, { kind: "progress" | "best" | "failed" }>;

/**
 * The worker that answered last: its code is compiled by then, so that another search takes half as long or less. It keeps no
 * process alive, and ends when nothing was asked of it for a minute.
 */
let resting: { readonly script: string; readonly worker: Worker; readonly ending: NodeJS.Timeout } | undefined;
const restMs = 60_000;

function layToRest(script: string, worker: Worker): void {
  void takeResting()?.worker.terminate();
  worker.unref();
  worker.on("error", () => undefined);
  resting = { script, worker, ending: setTimeout(() => void takeResting()?.worker.terminate(), restMs).unref() };
}

function takeResting(): typeof resting {
  const taken = resting;
  resting = undefined;
  clearTimeout(taken?.ending);
  if (taken) leave(taken.worker);
  return taken;
}

/** By name, since a worker listens to itself too. */
function leave(worker: Worker): void {
  for (const event of ["message", "error", "exit"]) worker.removeAllListeners(event);
}

function workerFor(script: string): Worker {
  const { script: its, worker } = takeResting() ?? {};
  if (worker && its === script && worker.threadId >= 0) {
    worker.ref();
    return worker;
  }
  void worker?.terminate();
  return new Worker(script);
}

function ask(script: string, request: SearchRequest, { signal, onProgress, onBest }: SearchHooks): Promise<Result> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new Cancelled("Planning was cancelled."));
    const worker = workerFor(script);
    const cancel = () => stop(() => reject(new Cancelled("Planning was cancelled.")));
    const end = (settle: () => void, next: () => void) => {
      signal?.removeEventListener("abort", cancel);
      leave(worker);
      next();
      settle();
    };
    const stop = (settle: () => void) => end(settle, () => void worker.terminate());
    const finish = (settle: () => void) => end(settle, () => layToRest(script, worker));
    signal?.addEventListener("abort", cancel, { once: true });
    worker.on("message", (reply: SearchReply) => {
      if (reply.kind === "progress") onProgress?.(reply.done, reply.total, reply.bestMs);
      else if (reply.kind === "best") onBest?.(reply.plan);
      else if (reply.kind === "failed") finish(() => reject(reply.isUsers ? new UserError(reply.message) : new Error(reply.message)));
      else finish(() => resolve(reply));
    });
    worker.on("error", (error) => stop(() => reject(error)));
    worker.on("exit", (code) => stop(() => reject(new Error(`The search worker ended without an answer (exit code ${code}).`))));
    worker.postMessage(request);
  });
}
