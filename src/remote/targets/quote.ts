/** Quoting for bash. It is needed in one place only: the argument line that a script on standard input begins with. */
import { UserError } from "../../model/errors";

/**
 * `text` as one bash word, byte for byte.
 * @throws UserError for a NUL character, which no argument can hold.
 */
export function quote(text: string): string {
  if (text.includes("\0")) throw new UserError("A NUL character cannot be part of a path or a setting.");
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** `set -- 'a' 'b'`: the positional parameters of the script that follows. */
export function setArguments(values: readonly string[]): string {
  return `set -- ${values.map(quote).join(" ")}`;
}

/** `export NAME='value'` lines. Names are checked where a target file is read. */
export function exportLines(environment: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(environment).map(([name, value]) => `export ${name}=${quote(value)}`);
}
