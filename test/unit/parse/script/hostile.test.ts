import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import fc from "fast-check";
import { UserError } from "../../../../src/model/errors";
import { readScript } from "../../../../src/parse/script/read";
import { nodesOf, type PythonParser } from "../../../../src/parse/script/syntax";
import { fixtureScript, pythonParser } from "./python";

const scripts = readdirSync("test/fixtures/scripts").filter((name) => name.endsWith(".py"));

describe("A text that is no script", () => {
  let parser: PythonParser;
  before(async () => (parser = await pythonParser()));

  const refused = (text: string, line: number, message: RegExp) =>
    assert.throws(() => readScript(text, parser, { file: "train.py" }), (error: unknown) => error instanceof UserError && error.file === "train.py" && error.field === `line ${line}` && message.test(error.message));

  it("is refused with the line of its mistake", () => {
    refused("import torch\nunet = = 3\n", 2, /mistake/);
    refused("def f(:\n    pass\n", 1, /mistake/);
    refused("x = (1,\n\n\n", 1, /mistake/);
    refused("\n\nfor x in y\n    pass\n", 3, /mistake/);
  });

  it("is refused when it is nested without end", () => {
    refused(`x = ${"(".repeat(5000)}1${")".repeat(5000)}`, 1, /nested more than 200/);
    refused(`\nx = ${"[".repeat(300)}${"]".repeat(300)}`, 2, /nested more than 200/);
  });

  it("is refused when it is too long", () => {
    assert.throws(() => readScript("x = 1\n".repeat(100_000), parser, { file: "train.py" }), /600000 characters; at most 200000/);
  });

  it("is refused or left where its parser would guess without end", () => {
    for (const piece of ["a()", "(", "[{(", "a.", "f'{", "if x:\n", "print(*", "@a\n", "\0"]) {
      assert.throws(() => readScript(piece.repeat(200_000 / piece.length), parser, { file: "train.py" }), (error: unknown) => error instanceof UserError && error.file === "train.py", piece);
    }
  });

  it("has no facts where there is nothing", () => {
    for (const text of ["", "\n\n", "# only words\n", "'''text'''", "\ufeffx = 1\n", "x = 1\r\ny = 2\r\n"]) assert.deepEqual(readScript(text, parser).components, [], JSON.stringify(text));
  });
});

describe("A script that would run for ever", () => {
  let parser: PythonParser;
  before(async () => (parser = await pythonParser()));

  const loop = (depth: number, body: string) => `${Array.from({ length: depth }, (_, level) => `${" ".repeat(level)}for i${level} in range(64):\n`).join("")}${" ".repeat(depth)}${body}\n`;
  const train = "import torch\nfrom diffusers import UNet2DModel\nunet = UNet2DModel(sample_size=8)\ntorch.optim.AdamW(unet.parameters())\n";
  const cases: readonly [string, string][] = [
    ["nested loops", `x = []\n${loop(8, "x.append(x)")}`],
    ["recursion", "def f(x):\n    return f(g(x))\ndef g(x):\n    return g(f(x))\nf(1)\n"],
    ["calls that double", `def f0(x): return x\n${Array.from({ length: 15 }, (_, n) => `def f${n + 1}(x): return [f${n}(x), f${n}(x), f${n}(x), f${n}(x)]`).join("\n")}\nf15(1)\n`],
    ["lists that double", `x = [1, 2]\n${"x = [x, x]\n".repeat(60)}from diffusers import UNet2DModel\nu = UNet2DModel(a=x)\nimport torch\ntorch.optim.AdamW(x)\n`],
    ["lists that contain themselves", "x = []\nx.append(x)\nimport torch\nfrom diffusers import UNet2DModel\nUNet2DModel(a=x)\ntorch.optim.AdamW(x)\ny = {}\ny['y'] = y\nUNet2DModel(**y)\n"],
    ["texts that double", `x = "a"\n${"x = x + x\n".repeat(100)}y = x * 10**9\nz = [0] * 10**9\nw = 10 ** 10 ** 10\n`],
    ["many open branches", `${Array.from({ length: 3000 }, (_, n) => `v${n} = ${n}`).join("\n")}\n${Array.from({ length: 3000 }, (_, n) => `if a${n}:\n    v${n} = 1`).join("\n")}\n`],
    ["branches in branches", `${Array.from({ length: 60 }, (_, n) => `${" ".repeat(n)}if a${n}:\n`).join("")}${" ".repeat(60)}x = 1\n`],
    ["classes that are their own bases", "class A(A): pass\nclass B(A): pass\nA = B\nB().x()\nA().parameters()\n"],
    ["lists in lists", `x = []\n${"x = [x]\n".repeat(5_000)}torch.optim.AdamW(x)\nUNet2DModel(a=x)\n`],
    ["deep calls of deep expressions", `${Array.from({ length: 15 }, (_, n) => `def f${n}(x):\n    return ${"(".repeat(150)}f${n + 1}(x)${")".repeat(150)}`).join("\n")}\nf0(1)\n`],
    ["a default that is itself", "def f(x=lambda: f()):\n    return x()\nf()\n"],
  ];
  for (const [what, text] of cases) {
    it(`is left: ${what}`, () => {
      const facts = readScript(`import torch\nfrom diffusers import UNet2DModel\n${text}${train}`, parser);
      // Whatever is left out is said.
      assert.ok(facts.components.some(({ trained }) => trained) || facts.notes.some(({ message }) => /followed to its end/.test(message)), what);
    });
  }
});

describe("Any change to a script", () => {
  let parser: PythonParser;
  before(async () => (parser = await pythonParser()));

  const check = (text: string) => {
    try {
      const facts = readScript(text, parser, { file: "train.py" });
      const lines = text.split("\n").length;
      for (const { line } of [...facts.components, ...facts.optimizers, ...facts.open, ...facts.notes]) assert.ok(line >= 1 && line <= lines);
      assert.equal(new Set(facts.components.map(({ name }) => name)).size, facts.components.length);
    } catch (error) {
      assert.ok(error instanceof UserError && error.file === "train.py", String(error));
    }
  };

  it("of lines leaves facts, or an error with its file", () => {
    const texts = scripts.map((name) => fixtureScript(name).split("\n"));
    fc.assert(
      fc.property(fc.constantFrom(...texts), fc.array(fc.tuple(fc.constantFrom("drop", "repeat", "swap", "move"), fc.nat(), fc.nat()), { minLength: 1, maxLength: 8 }), (lines, changes) => {
        const changed = [...lines];
        for (const [kind, a, b] of changes) {
          const [at, to] = [a % changed.length, b % changed.length];
          if (kind === "drop" && changed.length > 1) changed.splice(at, 1);
          else if (kind === "repeat") changed.splice(to, 0, changed[at]);
          else if (kind === "swap") [changed[at], changed[to]] = [changed[to], changed[at]];
          else changed.splice(to, 0, ...changed.splice(at, 3));
        }
        check(changed.join("\n"));
      }),
      { numRuns: 150 },
    );
  });

  it("of expressions does too", () => {
    const trees = scripts.map((name) => ({ text: fixtureScript(name), root: parser.parse(fixtureScript(name), name) }));
    const pieces = trees.flatMap(({ root }) => [...nodesOf(root)].filter(({ type, text }) => /^(?:call|identifier|string|list|lambda|attribute|none|integer|dictionary|argument_list)$/.test(type) && text.length < 100).map(({ text }) => text));
    fc.assert(
      fc.property(fc.constantFrom(...trees.map(({ text }) => text)), fc.array(fc.tuple(fc.nat(pieces.length - 1), fc.nat(pieces.length - 1)), { minLength: 1, maxLength: 5 }), (text, swaps) => {
        check(swaps.reduce((changed, [from, to]) => changed.replace(pieces[from], () => pieces[to]), text));
      }),
      { numRuns: 150 },
    );
  });

  it("of characters does too", () => {
    fc.assert(
      fc.property(fc.constantFrom(...scripts.map(fixtureScript)), fc.nat(), fc.string({ maxLength: 5, unit: "binary" }), fc.nat(200), (text, at, inserted, dropped) => {
        const from = at % text.length;
        check(text.slice(0, from) + inserted + text.slice(from + dropped));
      }),
      { numRuns: 150 },
    );
  });

  it("to any text at all does too", () => {
    const word = fc.constantFrom("def ", "class ", "if ", "else:", "for ", " in ", "lambda ", "f'{", "}'", "(", ")", "[", "]", "{", "}", ":", ",", "*", "**", "=", "==", "\n", "\n    ", ".", "x", "unet", "1", "'", '"""', "@", "from_pretrained", "import ", "return ", "match ", "case ", "await ", "\\\n", "\u0000", "\ud800", "é");
    fc.assert(fc.property(fc.array(word, { maxLength: 60 }).map((words) => words.join("")), check), { numRuns: 300 });
  });
});
