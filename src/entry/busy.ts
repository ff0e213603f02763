/** Main file of a helper that keeps one core and its share of memory bandwidth busy until its input ends: what a busy pipeline does to its neighbours. */
const elements = 4 * 2 ** 20;
const from = new Float64Array(elements).fill(1);
const to = new Float64Array(elements);

function pass(): void {
  for (let i = 0; i < elements; i += 1) to[i] = 0.5 * from[i]! + to[i]!;
  setImmediate(pass);
}

// Measuring waits for this.
process.stdout.write("busy\n");
process.stdin.on("end", () => process.exit(0)).resume();
pass();
