/** Figures as people read them; one place, so that every panel and export says the same. */

/** "0.43 ms", "12.3 ms", "1 043 ms", "12.5 s". Three or four significant digits. */
export function formatMs(ms: number): string {
  const size = Math.abs(ms);
  if (size === 0) return "0 ms";
  if (size < 1) return `${significant(ms * 1000, 3)} µs`;
  if (size < 10_000) return `${grouped(size < 100 ? significant(ms, 3) : ms.toFixed(size < 1000 ? 1 : 0))} ms`;
  return `${significant(ms / 1000, 4)} s`;
}

/** Without its unit, for columns where all are in ms: "0.0042", "0.143", "12.35", "1 043". */
export function formatMsCell(ms: number): string {
  const size = Math.abs(ms);
  return grouped(ms.toFixed(size === 0 ? 0 : size < 0.01 ? 4 : size < 1 ? 3 : size < 100 ? 2 : size < 1000 ? 1 : 0));
}

/** Marks of an axis whose steps are `stepMs` apart: as many decimals as tell them apart, and no more. */
export function formatTick(ms: number, stepMs: number): string {
  const inSeconds = stepMs >= 1000;
  const step = inSeconds ? stepMs / 1000 : stepMs;
  const decimals = Math.min(6, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
  return `${grouped((inSeconds ? ms / 1000 : ms).toFixed(decimals))} ${inSeconds ? "s" : "ms"}`;
}

const byteUnits = ["B", "KiB", "MiB", "GiB", "TiB"];

/** Binary units: "512 B", "1.5 MiB". */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < byteUnits.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : significant(value, 3)} ${byteUnits[unit]}`;
}

/** Every digit: "865 910 724". */
export function formatCount(count: number): string {
  return grouped(String(count));
}

const decimalUnits = ["", "k", "M", "G", "T", "P", "E"];

/** Decimal units: "866 M", "1.27 TFLOP" with the unit "FLOP". */
export function formatDecimal(value: number, unit = ""): string {
  let size = value;
  let power = 0;
  while (Math.abs(size) >= 999.5 && power < decimalUnits.length - 1) {
    size /= 1000;
    power++;
  }
  return `${power === 0 ? String(Math.round(size)) : significant(size, 3)} ${decimalUnits[power]}${unit}`.trimEnd();
}

/** A ratio as a percentage: 0.0432 is "4.3 %". */
export function formatPercent(ratio: number): string {
  const percent = ratio * 100;
  return `${Math.abs(percent) < 10 ? percent.toFixed(1) : percent.toFixed(Math.abs(percent) < 99.95 ? 1 : 0)} %`;
}

/** A signed difference: "+3.2 %", "−1.0 %". */
export function formatChange(ratio: number): string {
  const text = formatPercent(Math.abs(ratio));
  return ratio < 0 ? `−${text}` : `+${text}`;
}

/** "12.4 samples/s". */
export function formatThroughput(perSecond: number): string {
  return `${grouped(significant(perSecond, 3))} samples/s`;
}

/** "1.28×". */
export function formatRatio(ratio: number): string {
  return `${ratio.toFixed(2)}×`;
}

function significant(value: number, digits: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0";
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
  return value.toFixed(Math.min(decimals, 6));
}

/** Thousands apart by a narrow space. */
function grouped(number: string): string {
  const [whole, fraction] = number.split(".");
  const apart = whole.replace(/\B(?=(\d{3})+$)/g, "\u202f");
  return fraction === undefined ? apart : `${apart}.${fraction}`;
}
