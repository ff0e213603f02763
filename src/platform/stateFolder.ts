/** Where this user's lasting records are, by the platform's convention: unlike a cache, they cannot be made again. */
import { homedir } from "node:os";
import { join } from "node:path";

export function userStateFolder(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  return join(environment.XDG_STATE_HOME || join(homedir(), ".local", "state"), "diffusionpipe");
}
