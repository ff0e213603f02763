/** What a failure of the measuring process means for the layer that it was measuring. */

export interface Failure {
  readonly status: "oom" | "crashed";
  readonly message: string;
}

const outOfMemory = /bad_?alloc|bad array new length|out of memory|not enough memory|failed to allocate|allocation failed|invalid (typed )?array (buffer )?length|heap limit/i;

/** onnxruntime's own checks begin with a source file, a C++ signature and the condition: nothing a person needs. */
const sourcePlace = /^\/\S+\.cc:\d+ .* was (?:true|false)\.\s*/s;

export function failureOf(text: string): Failure {
  const message = text.replace(sourcePlace, "").trim();
  const short = message.length > 600 ? `${message.slice(0, 600)}…` : message;
  return { status: outOfMemory.test(message) ? "oom" : "crashed", message: short };
}

/** A process that ended without an answer. SIGKILL is also how Linux ends a process when memory is short, but not only. */
export function failureOfExit({ code, endedBy, errorOutput }: { code?: number; endedBy?: string; errorOutput: string }): Failure {
  const how = endedBy ? `was ended by ${endedBy}${endedBy === "SIGKILL" ? " (the system does so when memory runs out)" : ""}` : `ended with code ${code}`;
  const said = errorOutput.trim().split("\n").slice(-3).join(" ").slice(0, 400);
  return failureOf(`The measuring process ${how}.${said ? ` It said: ${said}` : ""}`);
}
