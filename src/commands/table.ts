/** Every command by id, with what it does in a workspace that is not trusted. Handlers are loaded when first used. */
import type { Handler } from "./shell";

export interface CommandEntry {
  /** Why it is refused in an untrusted workspace; absent where it works there. */
  readonly refusedUntrusted?: string;
  readonly load: () => Promise<Handler>;
}

export const commandTable = {
  "diffusionpipe.inspectModel": { load: async () => (await import("./inspectModel")).inspectModelCommand },
  "diffusionpipe.answerScript": { load: async () => (await import("./answerScript")).answerScriptCommand },
  "diffusionpipe.profileLayers": {
    refusedUntrusted: "Profiling starts processes that run layers as the workspace's files describe them.",
    load: async () => (await import("./profileLayers")).profileLayersCommand,
  },
  "diffusionpipe.openProfile": { load: async () => (await import("./openProfile")).openProfileCommand },
  "diffusionpipe.newPlan": { load: async () => (await import("./newPlan")).newPlanCommand },
  "diffusionpipe.openTimeline": { load: async () => (await import("./openTimeline")).openTimelineCommand },
  "diffusionpipe.showInTimeline": { load: async () => (await import("./showInTimeline")).showInTimelineCommand },
  "diffusionpipe.showMeasured": { load: async () => (await import("./showMeasured")).showMeasuredCommand },
  "diffusionpipe.hideMeasured": { load: async () => (await import("./hideMeasured")).hideMeasuredCommand },
  "diffusionpipe.launchTraining": {
    refusedUntrusted: "Launching runs commands that the workspace's target and plan files name.",
    load: async () => (await import("./launchTraining")).launchTrainingCommand,
  },
  "diffusionpipe.showRuns": { load: async () => (await import("./showRuns")).showRunsCommand },
  "diffusionpipe.cancelRun": { load: async () => (await import("./cancelRun")).cancelRunCommand },
  "diffusionpipe.exportTimeline": { load: async () => (await import("./exportTimeline")).exportTimelineCommand },
  "diffusionpipe.openTrace": { load: async () => (await import("./openTrace")).openTraceCommand },
  "diffusionpipe.showRunLog": { load: async () => (await import("./showRunLog")).showRunLogCommand },
  "diffusionpipe.fetchRun": { load: async () => (await import("./fetchRun")).fetchRunCommand },
  "diffusionpipe.refreshViews": { load: async () => async (shell) => shell.refresh() },
} as const satisfies Record<string, CommandEntry>;

export type CommandId = keyof typeof commandTable;
