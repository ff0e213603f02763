/** Answers to what scripts leave open, kept in the workspace's state. */
import type { Answers } from "../app/answers";
import type { Memory } from "../views/roleMemory";

const key = "diffusionpipe.answers";

export class AnswerMemory {
  constructor(private readonly memory: Memory) {}

  /** @param path Absolute path of the script. */
  of(path: string): Answers {
    const answers = this.all()[path];
    return isRecord(answers) ? Object.fromEntries(Object.entries(answers).filter((entry): entry is [string, string] => typeof entry[1] === "string")) : {};
  }

  async remember(path: string, answers: Answers): Promise<void> {
    await this.memory.update(key, { ...this.all(), [path]: { ...this.of(path), ...answers } });
  }

  async forget(path: string): Promise<void> {
    const { [path]: _forgotten, ...others } = this.all();
    await this.memory.update(key, others);
  }

  private all(): Readonly<Record<string, unknown>> {
    const value = this.memory.get(key);
    return isRecord(value) ? value : {};
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
