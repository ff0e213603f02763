import tseslint from "typescript-eslint";

// The import rules of the house (src/README.md): which folder may see which.
const core = ["model", "formats", "parse", "graph", "hardware", "schedule", "simulate", "planner", "plan", "timeline", "protocol"];
const effects = ["vscode", "node:child_process", "child_process", "node:net", "net", "node:http", "http", "node:https", "https", "node:fs", "node:fs/promises", "fs", "fs/promises", "node:worker_threads", "onnxruntime-node"];
const outer = ["app", "entry", "commands", "editor", "views", "remote", "profile", "extension", "cli"];

/** Folders of src that `folder` must not import. */
const forbidden = {
  model: ["formats", "parse", "graph", "hardware", "schedule", "simulate", "planner", "plan", "timeline", "protocol", "platform"],
  schedule: ["simulate", "planner", "plan", "timeline", "parse", "graph", "formats", "protocol"],
  simulate: ["planner", "plan", "timeline", "parse", "graph", "formats", "protocol"],
  timeline: ["planner", "plan", "parse", "graph", "protocol"],
  planner: ["timeline", "parse", "graph", "protocol"],
  plan: ["timeline", "parse", "graph", "protocol"],
  parse: ["schedule", "simulate", "planner", "plan", "timeline", "protocol"],
  graph: ["schedule", "simulate", "planner", "plan", "timeline", "protocol", "parse"],
  formats: ["schedule", "simulate", "planner", "plan", "timeline", "protocol", "parse", "graph"],
  hardware: ["schedule", "simulate", "planner", "plan", "timeline", "protocol", "parse", "graph", "formats"],
  protocol: ["parse", "graph", "planner", "formats"],
};
const message = (folder) => `src/${folder} must not see this folder: see the import rules in src/README.md.`;
const patternsFor = (folders, depth = ["../", "../../"]) => folders.flatMap((other) => depth.flatMap((up) => [`${up}${other}`, `${up}${other}/**`]));

export default tseslint.config(
  { ignores: ["dist/", "out/", "node_modules/", "media/", "**/*.d.ts", ".vscode-test/"] },
  ...tseslint.configs.recommended,
  {
    files: ["**/*.ts"],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      eqeqeq: "error",
      "no-console": "error",
    },
  },
  ...core.map((folder) => ({
    files: [`src/${folder}/**/*.ts`],
    rules: {
      "@typescript-eslint/no-restricted-imports": ["error", {
        paths: effects.map((name) => ({ name, message: `The core gets its effects as arguments; src/${folder} must not import ${name}.` })),
        patterns: [{ group: patternsFor([...outer, ...(forbidden[folder] ?? [])]), message: message(folder) }],
      }],
    },
  })),
  {
    files: ["webview/**/*.ts"],
    rules: {
      "@typescript-eslint/no-restricted-imports": ["error", {
        paths: effects.map((name) => ({ name, message: "A webview has no effects but its messages." })),
        patterns: [{ group: patternsFor([...outer, "formats", "parse", "graph", "hardware", "planner", "platform"].map((f) => `src/${f}`)), message: "webview may import protocol, timeline, simulate, schedule, plan and model only." }],
      }],
    },
  },
  {
    files: ["webview/**/*.ts"],
    ignores: ["webview/ui.ts"],
    rules: { "no-restricted-syntax": ["error",
      { selector: "ImportDeclaration[source.value='@vscode/webview-ui-toolkit']", message: "Controls come from webview/ui.ts alone, so that a successor can take the toolkit's place." },
      { selector: "AssignmentExpression[left.property.name=/^(innerHTML|outerHTML)$/]", message: "Build DOM with textContent." },
    ] },
  },
  { files: ["test/**/*.ts"], rules: { "@typescript-eslint/no-unused-expressions": "off", "@typescript-eslint/no-floating-promises": ["error", { allowForKnownSafeCalls: ["describe", "it"] }] } },
  { files: ["**/*.mjs"], rules: { "no-console": "off" }, languageOptions: { globals: { process: "readonly", console: "readonly", URL: "readonly", setTimeout: "readonly", fetch: "readonly" } } },
);
