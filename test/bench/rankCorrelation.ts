/** Spearman's rank correlation; equal values share their mean rank. */
export function correlation(left: readonly number[], right: readonly number[]): number {
  const [a, b] = [ranks(left), ranks(right)];
  const mean = (a.length - 1) / 2;
  const product = (x: readonly number[], y: readonly number[]) => x.reduce((sum, value, index) => sum + (value - mean) * (y[index] - mean), 0);
  return product(a, b) / Math.sqrt(product(a, a) * product(b, b));
}

function ranks(values: readonly number[]): readonly number[] {
  const order = values.map((_, index) => index).sort((a, b) => values[a] - values[b]);
  const result = new Array<number>(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end + 1 < order.length && values[order[end + 1]] === values[order[start]]) end += 1;
    for (let place = start; place <= end; place += 1) result[order[place]] = (start + end) / 2;
    start = end + 1;
  }
  return result;
}
