/**
 * The command line: the same use-cases as the editor's. Exit 0: done; 1: the input is wrong; 2: the machine failed; 130: cancelled.
 * Results go to standard output, messages to standard error.
 */
import { Cancelled, messageOf, UserError } from "./model/errors";
import { commands } from "./app/commandLine/table";
import { usage } from "./app/commandLine/command";

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    process.stdout.write(usage(commands));
    return name === undefined ? 1 : 0;
  }
  const command = commands[name];
  if (!command) {
    process.stderr.write(`diffusionpipe: there is no command "${name}". Commands: ${Object.keys(commands).join(", ")}.\n`);
    return 1;
  }
  const abort = new AbortController();
  const cancel = () => abort.abort();
  process.once("SIGINT", cancel);
  process.once("SIGTERM", cancel);
  try {
    await command.run(rest, abort.signal);
    return 0;
  } catch (error) {
    if (error instanceof Cancelled) {
      process.stderr.write(`diffusionpipe ${name}: ${error.message}\n`);
      return 130;
    }
    process.stderr.write(`diffusionpipe ${name}: ${error instanceof UserError ? error.message : error instanceof Error && process.env.DIFFUSIONPIPE_DEBUG ? error.stack : messageOf(error)}\n`);
    return error instanceof UserError ? 1 : 2;
  } finally {
    process.off("SIGINT", cancel);
    process.off("SIGTERM", cancel);
  }
}

// Whoever reads the output may have had enough of it (`| head`).
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
