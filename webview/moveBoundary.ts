import type { Plan } from "../src/model/plan";
export function moveBoundary(plan: Plan, chain: string, stage: number, layer: number): Plan {
  return { ...plan, chains: plan.chains.map((c) => (c.id !== chain ? c : { ...c, stages: c.stages.map((s, i) => (i === stage ? { ...s, to: layer } : i === stage + 1 ? { ...s, from: layer } : s)) })) };
}
