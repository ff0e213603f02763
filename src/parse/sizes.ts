/** Checks of the sizes that a component is bound to. */
import { UserError } from "../model/errors";
import type { Bindings } from "../model/profile";

/** @throws UserError when height or width is no multiple of `multiple`. */
export function expectMultiples(sizes: Bindings, multiple: number): void {
  for (const side of ["height", "width"] as const) {
    if (sizes[side] % multiple !== 0) throw new UserError(`${sizes[side]} is not a multiple of ${multiple}, by which the model shrinks an image.`, { field: side });
  }
}
