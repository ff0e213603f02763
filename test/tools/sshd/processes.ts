/** Processes of this machine, read from /proc. */
import { readdirSync, readFileSync } from "node:fs";

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    // It ended meanwhile, or belongs to another user.
    return "";
  }
}

export function processIds(): readonly number[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number);
}

/** Undefined where it has ended. */
export function parentOf(pid: number): number | undefined {
  const fields = read(pid, "stat").split(") ").at(-1)?.split(" ");
  return fields && fields.length > 1 ? Number(fields[1]) : undefined;
}

export function nameOf(pid: number): string {
  return read(pid, "comm").trim();
}

/** Processes whose command line or environment mentions `text`. */
export function processesMentioning(text: string): readonly number[] {
  return processIds().filter((pid) => pid !== process.pid && (read(pid, "environ").includes(text) || read(pid, "cmdline").includes(text)));
}

/** Ends a process, or with a negative number a group of them; one that has ended meanwhile (its parent did, for instance) is as well. */
export function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
