/** Which components of a model the user wants trained and frozen, kept in the workspace's state. */
import { isFields, listOf, optional, text } from "../protocol/checks";
import type { RoleChoice } from "../model/choice";

const key = "diffusionpipe.roles";
const names = optional(listOf(text));

/** The part of `vscode.Memento` that is used. */
export interface Memory {
  get(key: string): unknown;
  update(key: string, value: unknown): Thenable<void>;
}

export class RoleMemory {
  /** @param onChange Called when other roles are remembered. */
  constructor(private readonly memory: Memory, private readonly onChange: () => void = () => {}) {}

  /** @param path Absolute path of the model. Empty where nothing was chosen. */
  of(path: string): RoleChoice {
    const choice = this.all()[path];
    return isRoleChoice(choice) ? choice : {};
  }

  /** An empty choice is forgotten. */
  async remember(path: string, choice: RoleChoice): Promise<void> {
    const { [path]: before, ...others } = this.all();
    const isEmpty = !choice.train?.length && !choice.freeze?.length;
    const isSame = JSON.stringify(before) === JSON.stringify(isEmpty ? undefined : choice);
    await this.memory.update(key, isEmpty ? others : { ...others, [path]: choice });
    if (!isSame) this.onChange();
  }

  private all(): Readonly<Record<string, unknown>> {
    const value = this.memory.get(key);
    return isFields(value) ? value : {};
  }
}

function isRoleChoice(value: unknown): value is RoleChoice {
  return isFields(value) && names(value.train) && names(value.freeze);
}

interface Component {
  readonly name: string;
  readonly role: "trained" | "frozen";
}

/** The smallest choice that turns the roles of `defaults` into those wanted. */
export function choiceOf(defaults: readonly Component[], wanted: ReadonlyMap<string, Component["role"]>): RoleChoice {
  const changed = (to: Component["role"]) => defaults.filter(({ name, role }) => role !== to && wanted.get(name) === to).map(({ name }) => name);
  const [train, freeze] = [changed("trained"), changed("frozen")];
  return { ...(train.length > 0 && { train }), ...(freeze.length > 0 && { freeze }) };
}
