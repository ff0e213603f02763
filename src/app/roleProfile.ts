/** Another role of a component, as another profile beside the one that other plans may use. */
import { basename, dirname, join } from "node:path";
import type { ModelChoice } from "../model/choice";

/** @param trains Whether the component is to train; else it is to be frozen. */
export function choiceWithRole(choice: ModelChoice, component: string, trains: boolean): ModelChoice {
  const others = (names: readonly string[] = []) => names.filter((name) => name !== component);
  const [train, freeze] = trains ? [[...others(choice.train), component], others(choice.freeze)] : [others(choice.train), [...others(choice.freeze), component]];
  return { ...choice, train, freeze };
}

/** NAME.COMPONENT-trains.profile.json beside NAME.profile.json; going back takes the addition away again. */
export function roleProfilePath(file: string, component: string, trains: boolean): string {
  const name = basename(file, ".profile.json");
  const [own, opposite] = [`.${component}-${trains ? "trains" : "frozen"}`, `.${component}-${trains ? "frozen" : "trains"}`];
  return join(dirname(file), `${name.endsWith(opposite) ? name.slice(0, -opposite.length) : `${name}${own}`}.profile.json`);
}
