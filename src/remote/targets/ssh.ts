/** A host over the system's ssh, with the user's own configuration. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../model/errors";
import type { Processes } from "../../platform/process";
import { callShell, type Shell } from "./shell";
import { explainSsh, sshFailureCode } from "./sshErrors";

export interface SshHost {
  readonly host: string;
  /** Absolute path of a configuration file to use instead of the user's. */
  readonly configFile?: string;
}

/** What may never be weakened by a configuration, and what would get in the way of a script on standard input. */
const fixedOptions = [
  "BatchMode=yes",
  "StrictHostKeyChecking=yes",
  "ForwardAgent=no",
  "ForwardX11=no",
  "ClearAllForwardings=yes",
  "RemoteCommand=none",
  "LogLevel=ERROR",
  "ConnectTimeout=15",
  "ServerAliveInterval=5",
  "ServerAliveCountMax=3",
];

/**
 * The ssh command that reads a script from standard input. `controlPath`: where one connection is shared by many calls.
 * @throws UserError for a host that ssh would read as an option.
 */
export function sshArguments({ host, configFile }: SshHost, controlPath?: string): readonly string[] {
  if (host.startsWith("-") || /\s/.test(host)) throw new UserError(`"${host}" is not a host.`, { field: "ssh.host" });
  const shared = controlPath === undefined ? [] : ["ControlMaster=auto", `ControlPath="${controlPath.replaceAll("%", "%%")}"`, "ControlPersist=60"];
  return [
    "ssh", "-T",
    ...(configFile === undefined ? [] : ["-F", configFile]),
    ...[...fixedOptions, ...shared].flatMap((option) => ["-o", option]),
    "--", host, "exec bash -s",
  ];
}

export function sshShell(processes: Processes, host: SshHost, platform: NodeJS.Platform = process.platform): Shell {
  // The socket lies in a folder that only this user can enter. Windows' ssh cannot share connections.
  let socketFolder: Promise<string> | undefined;
  const argv = async () => {
    if (platform === "win32") return sshArguments(host);
    socketFolder ??= mkdtemp(join(tmpdir(), "dp-"));
    return sshArguments(host, join(await socketFolder, "s"));
  };
  return {
    label: host.host,
    argv: sshArguments(host),
    run: async (script, call = {}) =>
      callShell(processes, { label: host.host, argv: await argv() }, script, call, (result) =>
        result.code === sshFailureCode || result.code === undefined ? explainSsh(host.host, result.errorOutput) : undefined),
    close: async () => {
      if (!socketFolder) return;
      const folder = await socketFolder;
      socketFolder = undefined;
      const [ssh, ...rest] = sshArguments(host, join(folder, "s"));
      // Fails where no connection was left open; either way nothing is shared any more.
      await processes.run({ argv: [ssh, "-O", "exit", ...rest.slice(0, -1)], timeoutMs: 5000 });
      await rm(folder, { recursive: true, force: true });
    },
  };
}
