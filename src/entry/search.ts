/** Main file of the search worker: requests as messages, one after another; to each progress and then one reply. */
import { parentPort } from "node:worker_threads";
import { alternativesTo } from "../app/alternatives";
import { compare } from "../app/compare";
import { replan } from "../app/replan";
import type { SearchReply, SearchRequest } from "../app/searchMessages";
import { messageOf, UserError } from "../model/errors";
import { baselines } from "../planner/baselines/baselines";
import { searchPlan, type SearchHooks } from "../planner/search/search";
import { contextOf } from "../simulate/context";

function send(reply: SearchReply): void {
  parentPort?.postMessage(reply);
}

async function answer(request: SearchRequest): Promise<SearchReply> {
  try {
    const context = contextOf(request.profile, request.cluster);
    const hooks: SearchHooks = { onProgress: (done, total, bestMs) => send({ kind: "progress", done, total, bestMs }), onBest: (plan) => send({ kind: "best", plan }) };
    const { onProgress } = hooks;
    switch (request.kind) {
      case "plan": return { kind: "planned", result: await searchPlan(request.base, request.space, context, hooks) };
      case "compare": return { kind: "compared", result: await compare(request.plan, context, { onProgress }) };
      case "alternatives": return { kind: "alternatives", result: await alternativesTo(request.plan, context, { onProgress }) };
      case "baselines": return { kind: "baselines", result: await baselines(request.plan, request.plan.batch.global, context, request.methods, { onProgress }) };
      case "replan": return { kind: "replanned", plan: await replan(request.plan, request.request, context, { onProgress }) };
    }
  } catch (error) {
    return { kind: "failed", isUsers: error instanceof UserError, message: messageOf(error) };
  }
}

parentPort?.on("message", (request: SearchRequest) => void answer(request).then(send));
