/** Where this user's caches are, by the platform's convention. */
import { homedir } from "node:os";
import { join } from "node:path";

export function userCacheFolder(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  return join(environment.XDG_CACHE_HOME || join(homedir(), ".cache"), "diffusionpipe");
}
