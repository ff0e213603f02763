/** IEEE 754 binary16, for which JavaScript has no array: a value is kept as its 16 bits. */

export const largestHalf = 65504;
const infinity = 0x7c00;
const notANumber = 0x7e00;
/** Of the smallest normal number; below it the quantum stays the same. */
const leastExponent = -14;
const mantissaBits = 10;

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);

/** Floor of the binary logarithm of a normal number. Reads the higher word: every machine that onnxruntime is built for is little-endian. */
function exponentOf(value: number): number {
  double[0] = value;
  return ((words[1] >>> 20) & 0x7ff) - 1023;
}

/** The bits of the half nearest to `value`, of two as near the even one; beyond the largest, infinity. */
export function halfBits(value: number): number {
  if (Number.isNaN(value)) return notANumber;
  const exponent = Math.max(leastExponent, exponentOf(value));
  // A double of 2^52 has no fractions: adding it rounds to nearest even.
  const quanta = Math.abs(value) / 2 ** (exponent - mantissaBits) + 2 ** 52 - 2 ** 52;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  // The leading one of a normal number, and what rounding carries, add to the exponent.
  return sign | Math.min(infinity, ((exponent - leastExponent) << mantissaBits) + quanta);
}
