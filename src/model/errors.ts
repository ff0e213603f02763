/**
 * An error that a person can act on: what happened, where (file and field), what to do.
 * Everything else that is thrown is a defect or a failure of the machine.
 */
export class UserError extends Error {
  override readonly name = "UserError";
  /** The message without place and hint. */
  readonly reason: string;
  readonly file?: string;
  readonly field?: string;
  readonly hint?: string;

  constructor(message: string, where: { file?: string; field?: string; hint?: string } = {}) {
    const place = [where.file, where.field].filter((part) => part !== undefined && part !== "").join(": ");
    super(`${place ? `${place}: ` : ""}${message}${where.hint ? ` ${where.hint}` : ""}`);
    this.reason = message;
    this.file = where.file;
    this.field = where.field;
    this.hint = where.hint;
  }
}

/** The work was called off by the user; neither a mistake nor a failure. */
export class Cancelled extends Error {
  override readonly name = "Cancelled";
  constructor(what = "Cancelled") {
    super(what);
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
