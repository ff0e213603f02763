/** The timeline view with a plan in it. */
import type { Browser } from "playwright-core";
import type { Cluster } from "../../../src/model/cluster";
import type { Plan } from "../../../src/model/plan";
import { clusterOf, planOf, profile } from "../documents";
import { openView, type ViewPage } from "./page";

interface Shown {
  readonly plan?: Plan;
  readonly cluster?: Cluster;
  readonly notices?: readonly string[];
}

/** Opens the view and shows a plan: by default two stages of a device each and four micro-batches. */
export async function openPlanPage(browser: Browser, { plan, cluster, notices, ...options }: Shown & Parameters<typeof openView>[1] = {}): Promise<ViewPage> {
  const view = await openView(browser, options);
  await sendPlan(view, { plan, cluster, notices });
  return view;
}

/** As the host sends it; done when it is drawn. */
export async function sendPlan(view: ViewPage, { plan = planOf(2, 4), cluster = clusterOf(2), notices = [] }: Shown = {}): Promise<void> {
  await view.send({ type: "inputs", profile, cluster });
  await view.send({ type: "plan", version: 7, name: "a.pipeplan.json", plan, readOnly: false, notices });
  await view.page.locator(".boundary").first().waitFor();
}
