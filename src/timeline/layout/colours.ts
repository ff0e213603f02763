/** What slices are told apart by: their operation, their micro-batch or their component; always by a pattern or a letter too. */
import type { Profile } from "../../model/profile";
import type { Timeline, TimelineOperation } from "../../model/timeline";
import { kindOf, kindStyles, sliceKinds, type KindStyle, type SliceKind } from "./kinds";
import type { Layout, Slice } from "./lanes";

export const colourModes = ["operation", "microbatch", "component"] as const;

export type ColourMode = (typeof colourModes)[number];

/** How slices of one class look. */
export interface Look extends KindStyle {
  /** Drawn with the foot that all backward passes have; for the legend, which has no slices. */
  readonly hasFoot?: boolean;
  /** A kind's own colour, one of the theme's chart colours by number, or none. */
  readonly ink: SliceKind | "neutral" | number;
}

export interface Colouring {
  /** Looks that are there, in the order of the legend. */
  readonly legend: readonly Look[];
  lookOf(slice: Slice, timeline: Timeline): Look;
}

/** How many chart colours a theme has. */
export const paletteSize = 6;
/** Of another count than the colours, so that pairs of both come back late; the hatch is idle time's. */
const patterns = ["plain", "diagonal", "dots", "cross", "lines"] as const;
const mostInLegend = 6;

export const kindLooks = Object.fromEntries(sliceKinds.map((kind) => [kind, lookOfKind(kind, kind)])) as Readonly<Record<SliceKind, Look>>;
/** For what a mode does not tell apart. */
const neutralLooks = Object.fromEntries(sliceKinds.map((kind) => [kind, lookOfKind(kind, kind === "idle" ? "idle" : "neutral")])) as Readonly<Record<SliceKind, Look>>;

function lookOfKind(kind: SliceKind, ink: Look["ink"]): Look {
  return { ...kindStyles[kind], ink, hasFoot: kind === "backward" };
}

export const byOperation: Colouring = { legend: sliceKinds.map((kind) => kindLooks[kind]), lookOf: ({ kind }) => kindLooks[kind] };

/** @param profile What the components are, in which order. */
export function colouringOf(mode: ColourMode, layouts: readonly Layout[], profile: Profile): Colouring {
  switch (mode) {
    case "operation":
      return byOperation;
    case "microbatch":
      return byMicrobatch(layouts);
    case "component":
      return byComponent(layouts, profile);
  }
}

function byMicrobatch(layouts: readonly Layout[]): Colouring {
  const count = layouts.reduce((most, { timeline }) => timeline.operations.reduce((high, { microbatch = -1 }) => Math.max(high, microbatch + 1), most), 0);
  const looks = Array.from({ length: count }, (_, m) => numbered(m, `Micro-batch ${m}`, `${m}`));
  const shown = looks.slice(0, count > mostInLegend ? mostInLegend - 2 : count).map((look, m) => (m ? { ...look, title: `${m}` } : look));
  const last = count > shown.length ? [{ ...looks[count - 1], title: `… ${count - 1}` }] : [];
  return {
    legend: [...shown, ...last, neutralLooks.backward, neutralLooks.fill, neutralLooks.communication, neutralLooks.optimizer, neutralLooks.idle],
    lookOf: (slice, timeline) => {
      const microbatch = slice.index === undefined ? undefined : timeline.operations[slice.index].microbatch;
      return microbatch === undefined ? neutralLooks[slice.kind] : looks[microbatch];
    },
  };
}

function byComponent(layouts: readonly Layout[], profile: Profile): Colouring {
  const seen = new Set(layouts.flatMap(({ timeline }) => timeline.operations.map((operation) => componentOf(operation, profile) ?? "")));
  // Stages that several components share come last, so that an edit does not change the colours of the others.
  const names = new Set([...profile.chains.flatMap(({ segments }) => segments.map(({ component }) => component)), ...profile.components.map(({ name }) => name), ...seen]);
  const looks = new Map([...names].filter((name) => name).map((name, i) => [name, numbered(i, name, name.slice(0, 1).toUpperCase())]));
  return {
    legend: [...[...looks].filter(([name]) => seen.has(name)).map(([, look]) => look), neutralLooks.backward, neutralLooks.communication, neutralLooks.optimizer, neutralLooks.idle],
    lookOf: (slice, timeline) => {
      const name = slice.index === undefined ? undefined : componentOf(timeline.operations[slice.index], profile);
      return (name !== undefined && looks.get(name)) || neutralLooks[slice.kind];
    },
  };
}

function numbered(number: number, title: string, letter: string): Look {
  return { title, letter, ink: number % paletteSize, pattern: patterns[number % patterns.length] };
}

/** The component whose layers an operation computes, or several of one chain; undefined for what belongs to none. */
export function componentOf(operation: TimelineOperation, profile: Profile): string | undefined {
  const { component, layers } = operation;
  if (component !== undefined) return component;
  if (!layers || kindOf(operation.op) === "communication") return undefined;
  const chain = profile.chains.find(({ id }) => id === operation.chain);
  if (!chain) return undefined;
  if (chain.segments.length === 1) return chain.segments[0].component;
  const names: string[] = [];
  let first = 0;
  for (const { component: name, from, to } of chain.segments) {
    if (first < layers[1] && first + to - from > layers[0] && !names.includes(name)) names.push(name);
    first += to - from;
  }
  return names.join(" + ");
}
