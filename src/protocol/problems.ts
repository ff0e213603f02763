/** Errors as the view shows them. */
import { messageOf, UserError } from "../model/errors";
import type { Problem } from "./messages";

/** The parts of a user's error apart: its message already holds place and hint, the view sets them in their own places. */
export function problemOf(error: unknown): Problem {
  if (!(error instanceof UserError)) return { message: messageOf(error) };
  const { file, field, hint } = error;
  const place = [file, field].filter((part) => part !== undefined && part !== "").join(": ");
  let { message } = error;
  if (place && message.startsWith(`${place}: `)) message = message.slice(place.length + 2);
  if (hint && message.endsWith(` ${hint}`)) message = message.slice(0, -hint.length - 1);
  return { message, ...(file !== undefined && { file }), ...(field !== undefined && { field }), ...(hint !== undefined && { hint }) };
}
