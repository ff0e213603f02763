/** How many devices each stage of a pipeline may have. */

/** All widths of `stages` stages that make up `devices` devices and have no divisor in common. */
export function allWidths(widths: readonly number[], devices: number, stages: number): readonly (readonly number[])[] {
  const extend = (taken: readonly number[], left: number): readonly (readonly number[])[] => {
    const more = stages - taken.length;
    if (more === 0) return left === 0 && taken.reduce(divisor, 0) === 1 ? [taken] : [];
    return widths.flatMap((width) => (width <= left - (more - 1) ? extend([...taken, width], left - width) : []));
  };
  return extend([], devices);
}

/** The greatest common divisor. */
export function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}
