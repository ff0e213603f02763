/** Checks of the sizes that a component is bound to. */
import { UserError } from "../model/errors";
import type { Bindings } from "../model/profile";

/** @throws UserError when height or width is no multiple of `multiple`. */
export function expectMultiples(sizes: Bindings, multiple: number): void {
  for (const side of ["height", "width"] as const) {
    if (sizes[side] % multiple !== 0) throw new UserError(`${sizes[side]} is not a multiple of ${multiple}, by which the model shrinks an image.`, { field: side });
  }
}

/** Of a video whose first frame stays while the others are joined by `multiple`. @throws UserError for a still image too: it takes another path through such a model. */
export function expectWholeClip({ frames }: Bindings, multiple: number): void {
  if (frames === undefined || multiple === 1) return;
  if (frames === 1 || (frames - 1) % multiple !== 0) throw new UserError(`${frames} frames; the model takes 1 more than a multiple of ${multiple}.`, { field: "frames" });
}

/** Height and width are cut into patches of `patch`, of which there are `most` at most along a side. @throws UserError */
export function expectPatches(sizes: Bindings, patch: number, most = Infinity): void {
  for (const side of ["height", "width"] as const) expectPatchesAlong(side, sizes[side], patch, most);
}

/** @throws UserError */
export function expectPatchesAlong(field: "height" | "width" | "frames", size: number, patch: number, most = Infinity): void {
  if (size % patch !== 0) throw new UserError(`${size} (of the latents) is not a multiple of ${patch}, the size of the model's patches.`, { field });
  if (size / patch > most) throw new UserError(`${size / patch} patches; the model's positions end at ${most}.`, { field });
}

/** The nearest size, not above it if possible, that is cut into whole patches, `most` of them at most. */
export function wholePatches(size: number, patch: number, most = Infinity): number {
  return Math.min(Math.max(1, Math.floor(size / patch)), most) * patch;
}
