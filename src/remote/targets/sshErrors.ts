/** What ssh's own failures mean and what to do about them. */
import { UserError } from "../../model/errors";
import { ConnectionLost } from "./shell";

interface Explanation {
  readonly pattern: RegExp;
  /** True where the same call may succeed later. */
  readonly retry: boolean;
  readonly sentence: (host: string) => string;
}

/** In order: the first that matches is said. A changed key prints more than one of the later texts as well. */
const explanations: readonly Explanation[] = [
  {
    pattern: /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for .* has changed/,
    retry: false,
    sentence: (host) => `The host key of ${host} is not the one in your known hosts file. Nothing was sent. Either the host was installed anew or somebody stands in between: ask its administrator for the new fingerprint, and only if it agrees remove the old key with "ssh-keygen -R ${bareHost(host)}" and connect once with "ssh ${host}".`,
  },
  {
    pattern: /No \S+ host key is known for|Host key verification failed/,
    retry: false,
    sentence: (host) => `The host key of ${host} is not known yet. Nothing was sent. Connect once in a terminal with "ssh ${host}", compare the fingerprint with the one its administrator gives, and accept it.`,
  },
  {
    pattern: /Permission denied|Too many authentication failures|No supported authentication methods/,
    retry: false,
    sentence: (host) => `${host} refused to log in. Passwords are never asked for: check that "ssh ${host} true" works without one (a key in its authorized_keys, loaded in your ssh-agent if it has a passphrase), and the User and IdentityFile of your ssh configuration.`,
  },
  {
    pattern: /Could not resolve hostname/,
    retry: true,
    sentence: (host) => `There is no host called ${host}. Check the spelling, your network or VPN, and the HostName of your ssh configuration.`,
  },
  {
    pattern: /Bad configuration option|terminating, \d+ bad configuration|Can't open user config file|Bad owner or permissions/,
    retry: false,
    sentence: (host) => `ssh does not accept the configuration for ${host}.`,
  },
  {
    pattern: /Connection refused|Connection timed out|Operation timed out|No route to host|Network is unreachable/,
    retry: true,
    sentence: (host) => `${host} cannot be reached. Check that it is running, your network or VPN, and the HostName and Port of your ssh configuration.`,
  },
];

/** ssh ends with 255 for failures of its own; scripts never do. */
export const sshFailureCode = 255;

function bareHost(host: string): string {
  return host.slice(host.indexOf("@") + 1);
}

/** The error for ssh's own failure; `errorOutput` is what it wrote. Its last line is quoted as the detail. */
export function explainSsh(host: string, errorOutput: string): Error {
  const detail = errorOutput.trim().split("\n").at(-1)?.trim().slice(0, 300) ?? "";
  const said = detail ? ` (ssh: ${detail})` : "";
  for (const { pattern, retry, sentence } of explanations) {
    if (pattern.test(errorOutput)) return new (retry ? ConnectionLost : UserError)(`${sentence(host)}${said}`);
  }
  return new ConnectionLost(`The connection to ${host} was lost.${said}`);
}
