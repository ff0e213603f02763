/** Checks that the guards of both views are made of. */
import type { Problem } from "./messages";

type Fields = Readonly<Record<string, unknown>>;
export type Check = (value: unknown) => boolean;

export const text: Check = (value) => typeof value === "string";
export const flag: Check = (value) => typeof value === "boolean";
export const whole: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
export const figure: Check = (value) => typeof value === "number" && Number.isFinite(value);
export const optional = (check: Check): Check => (value) => value === undefined || check(value);
export const listOf = (check: Check): Check => (value) => Array.isArray(value) && value.every(check);
export const oneOf = (...values: readonly string[]): Check => (value) => typeof value === "string" && values.includes(value);

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Every known field holds, and no field of the type `T` is forgotten. */
export function shape<T>(checks: Readonly<Record<keyof T, Check>>): Check {
  const entries = Object.entries<Check>(checks);
  return (value) => isFields(value) && entries.every(([name, check]) => check(value[name]));
}

export const problem = shape<Required<Problem>>({ message: text, file: optional(text), field: optional(text), hint: optional(text) });

/** What a message of type `T` holds beside its type. */
export type FieldsOf<M extends { readonly type: string }, T extends M["type"]> = Required<Omit<Extract<M, { readonly type: T }>, "type">>;
/** A check for every type of message. */
export type Checks<M extends { readonly type: string }> = { readonly [T in M["type"]]: Check };

/** Whether a value is a message of a known type that passes its check. */
export function passes(messages: Readonly<Record<string, Check>>, value: unknown): boolean {
  return isFields(value) && typeof value.type === "string" && Object.hasOwn(messages, value.type) && messages[value.type](value);
}

/** What a log says of a message that nobody understood: its type and nothing of its content. */
export function nameOfUnknown(value: unknown): string {
  const type = isFields(value) ? value.type : undefined;
  return typeof type === "string" ? `"${type.slice(0, 64)}"` : `of type ${typeof value}`;
}
