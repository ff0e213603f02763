/** Which machine measures: in VS Code the one that the extension host runs on, which need not be the one in front of the person. */

export interface Host {
  /** `vscode.env.remoteName`; undefined where the editor runs on the machine itself. */
  readonly remoteName: string | undefined;
  readonly hostname: string;
  /** Of WSL (`WSL_DISTRO_NAME`) or a codespace (`CODESPACE_NAME`). */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** For people, to follow "on". */
export function whereMeasured({ remoteName, hostname, environment }: Host): string {
  switch (remoteName) {
    case undefined: return "this computer";
    case "ssh-remote": return `the remote machine ${hostname} (Remote-SSH)`;
    case "wsl": return `the WSL distribution ${environment.WSL_DISTRO_NAME ?? hostname}`;
    case "dev-container": case "attached-container": return `the container ${hostname}`;
    case "codespaces": return `the codespace ${environment.CODESPACE_NAME ?? hostname}`;
    default: return `the remote machine ${hostname} (${remoteName})`;
  }
}
