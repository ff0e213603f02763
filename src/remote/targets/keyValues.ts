/** The "key value" lines that scripts answer with. */

/** The last value of each key, and the values of keys that repeat. */
export function keyValues(text: string): { readonly get: (key: string) => string | undefined; readonly all: (key: string) => readonly string[] } {
  const pairs = text.split("\n").map((line) => {
    const space = line.indexOf(" ");
    return space < 0 ? ([line, ""] as const) : ([line.slice(0, space), line.slice(space + 1)] as const);
  });
  const all = (key: string) => pairs.filter(([name]) => name === key).map(([, value]) => value);
  return { get: (key) => all(key).at(-1), all };
}
