/** A real ssh server on loopback for tests: keys, configuration and home of its own, nothing of the system's is changed. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, connect, type AddressInfo } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { kill, nameOf, parentOf, processIds } from "./processes";

export interface SshLab {
  /** Alias in `configFile`. */
  readonly host: string;
  readonly configFile: string;
  readonly knownHosts: string;
  /** The home of sessions: not this process's, with spaces and beyond ASCII. */
  readonly home: string;
  /** Adds a Host block to the client's configuration. */
  addHost(alias: string, lines: readonly string[]): void;
  /** Ends every session and the server itself, as an outage of the network does; how many sessions there were. */
  cut(): number;
  /** The server is there again. */
  restore(): Promise<void>;
  stop(): Promise<void>;
}

function keygen(file: string): void {
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

async function answers(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("data", () => done(true)).once("error", () => done(false)).once("close", () => done(false));
    socket.setTimeout(1000, () => socket.destroy());
  }).then((result) => result as boolean);
}

/** Processes below `pid`, nearest first. */
function descendants(pid: number): readonly number[] {
  const parents = new Map(processIds().map((id) => [id, parentOf(id)]));
  const found: number[] = [];
  let level = [pid];
  while (level.length) {
    level = [...parents].filter(([, parent]) => parent !== undefined && level.includes(parent)).map(([child]) => child);
    found.push(...level);
  }
  return found;
}

function sshdPath(): string {
  const found = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/sbin/sshd"].find((path) => existsSync(path));
  if (!found) throw new Error("sshd is not installed: apt-get install -y openssh-server");
  return found;
}

/** Starts the server in `folder` (an empty scratch folder). */
export async function startSshLab(folder: string): Promise<SshLab> {
  const home = join(folder, "another home", "größe");
  mkdirSync(home, { recursive: true });
  const at = (name: string) => join(folder, name);
  keygen(at("host_key"));
  keygen(at("user_key"));
  writeFileSync(at("authorized_keys"), readFileSync(at("user_key.pub")));
  const port = await freePort();
  writeFileSync(at("sshd_config"), [
    `Port ${port}`, "ListenAddress 127.0.0.1", `HostKey ${at("host_key")}`, "PidFile none", `AuthorizedKeysFile ${at("authorized_keys")}`,
    "StrictModes no", "UsePAM no", "PermitRootLogin prohibit-password", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
    `SetEnv "HOME=${home}"`, "",
  ].join("\n"));
  // As root, sshd separates privileges in this folder.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true });
  let server: ChildProcess | undefined;
  const start = async () => {
    const started = spawn(sshdPath(), ["-D", "-f", at("sshd_config"), "-E", at("sshd.log")], { stdio: "ignore" });
    server = started;
    for (let attempt = 0; !(await answers(port)); attempt++) {
      if (attempt === 100 || started.exitCode !== null) throw new Error(`sshd did not start: ${readFileSync(at("sshd.log"), "utf8")}`);
      await sleep(50);
    }
  };
  await start();
  const hostKey = readFileSync(at("host_key.pub"), "utf8").split(" ").slice(0, 2).join(" ");
  writeFileSync(at("known_hosts"), `[127.0.0.1]:${port} ${hostKey}\n`);
  const blocks: string[] = [];
  const lab: SshLab = {
    host: "lab",
    configFile: at("ssh_config"),
    knownHosts: at("known_hosts"),
    home,
    addHost(alias, lines) {
      const common = ["HostName 127.0.0.1", `Port ${port}`, `User ${userInfo().username}`, "IdentitiesOnly yes", `IdentityFile ${at("user_key")}`, `UserKnownHostsFile ${at("known_hosts")}`, "GlobalKnownHostsFile /dev/null"];
      // ssh takes the first value it sees, so a block's own lines come first.
      blocks.push([`Host ${alias}`, ...lines, ...common].join("\n  "));
      writeFileSync(at("ssh_config"), `${blocks.join("\n")}\n`);
    },
    restore: start,
    cut() {
      const main = server?.pid;
      if (main === undefined) return 0;
      const sessions = descendants(main).filter((pid) => nameOf(pid).startsWith("sshd"));
      for (const pid of [main, ...sessions]) kill(pid);
      server = undefined;
      return sessions.length;
    },
    async stop() {
      const ended = server && new Promise<void>((done) => server?.once("exit", () => done()));
      lab.cut();
      await ended;
    },
  };
  lab.addHost("lab", []);
  return lab;
}
