/** The passes of a layer as they are drawn: a letter, a colour and a pattern each. */

export interface Pass {
  readonly letter: "F" | "I" | "W";
  readonly title: string;
  /** In `PassTimes` and in `Figures` alike. */
  readonly key: "forward" | "inputGrad" | "weightGrad";
}

/** In the order in which they run. */
export const passes: readonly Pass[] = [
  { letter: "F", title: "F: forward", key: "forward" },
  { letter: "I", title: "I: gradient of the input", key: "inputGrad" },
  { letter: "W", title: "W: gradient of the weights", key: "weightGrad" },
];
