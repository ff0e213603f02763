/** What every command of the command line has in common: declared options, one way to refuse wrong ones. */
import { parseArgs, type ParseArgsConfig } from "node:util";
import { messageOf, UserError } from "../../model/errors";

export interface Command {
  /** E.g. "MODEL -o PROFILE [--batches 1,2,4]". */
  readonly usage: string;
  readonly summary: string;
  /** @throws UserError for wrong input, Cancelled when `signal` fired. */
  run(argv: readonly string[], signal: AbortSignal): Promise<void>;
}

export type Options = NonNullable<ParseArgsConfig["options"]>;

/** @throws UserError naming an unknown option or one without its value, with the valid ones. */
export function parse<O extends Options>(argv: readonly string[], options: O, positionals: { readonly names: readonly string[]; readonly optional?: number; /** The last one may be there several times. */ readonly more?: boolean }) {
  let parsed;
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    const valid = Object.keys(options).map((option) => `--${option}`).join(" ");
    throw new UserError(`${messageOf(error).split(". ")[0]}. Options: ${valid || "none"}.`);
  }
  const least = positionals.names.length - (positionals.optional ?? 0);
  if (parsed.positionals.length < least || (parsed.positionals.length > positionals.names.length && !positionals.more)) {
    throw new UserError(`Expected ${positionals.names.join(" ") || "no argument"}, found ${parsed.positionals.length ? parsed.positionals.join(" ") : "nothing"}.`);
  }
  return parsed;
}

/** @throws UserError unless `text` is a whole number of at least `least`. */
export function wholeNumber(text: string | undefined, option: string, least = 1): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) throw new UserError(`--${option} takes a whole number of at least ${least}, found "${text}".`);
  return value;
}

/** The parts of "a, b,c"; undefined where the option was not given. */
export function commaList(text: string | undefined): string[] | undefined {
  return text?.split(",").map((part) => part.trim()).filter((part) => part !== "");
}

/** A share in percent, with one digit; a rounding error below nothing is nothing. */
export function percent(share: number): string {
  return Math.max(0, 100 * share).toFixed(1);
}

export function printJson(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}

/** Progress on standard error: one line, rewritten on a terminal. */
export function printProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else process.stderr.write(`${text}\n`);
}

export function usage(commands: Readonly<Record<string, Command>>): string {
  const lines = Object.entries(commands).map(([name, command]) => `  ${name} ${command.usage}\n      ${command.summary}`);
  return `Usage: diffusionpipe COMMAND …\n\n${lines.join("\n")}\n`;
}
