/** Every command by name. */
import type { Command } from "./command";

export const commands: Readonly<Record<string, Command>> = {};
