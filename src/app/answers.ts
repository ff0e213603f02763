/** What users have answered to the questions that a training script leaves open. Where it is kept is the front's matter; every reading of a script asks here. */

/** By `OpenQuestion.what`. */
export type Answers = Readonly<Record<string, string>>;

let kept: (path: string) => Answers = () => ({});

/** @param source Answers by the script's absolute path. */
export function answersComeFrom(source: (path: string) => Answers): void {
  kept = source;
}

export function answersTo(path: string): Answers {
  return kept(path);
}
