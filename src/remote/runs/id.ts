/** Names of runs: sorted by time, readable, unique, safe as a folder name anywhere. */

/** E.g. `20260131-142500-sample-3f9c1a`: UTC time, the plan's name, six random hexadecimal digits. */
export function newRunId(planName: string, now: Date, randomHex: string): string {
  const time = now.toISOString().replace(/[-:]/g, "").replace("T", "-").slice(0, 15);
  const name = planName.toLowerCase().normalize("NFKD").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 40) || "plan";
  return `${time}-${name.replace(/-+$/, "")}-${randomHex.slice(0, 6)}`;
}

/** Ids come back from the command line and from files; nothing else may become part of a path. */
export function isRunId(text: string): boolean {
  return /^\d{8}-\d{6}-[a-z0-9-]{1,40}-[0-9a-f]{6}$/.test(text);
}
