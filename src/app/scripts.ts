/** Use-case: training scripts as models. */
import { homedir } from "node:os";
import { join } from "node:path";
import type { Model } from "../model/model";
import { cachedModels, hubCacheFolder } from "../parse/hub/cache";
import type { ModelChoice } from "../model/choice";
import type { OpenQuestion } from "../parse/script/facts";
import { readScriptFacts, readScriptModel } from "../parse/script/model";
import type { PythonParser } from "../parse/script/syntax";
import { loadPythonParser } from "../parse/script/treeSitter";
import type { Files } from "../platform/files";
import { answersTo } from "./answers";

const maxGrammarBytes = 16 * 1024 * 1024;
let parser: Promise<PythonParser> | undefined;

/** @param path Absolute. @throws UserError as `readScriptModel`. */
export async function inspectScript(files: Files, path: string, choice: ModelChoice): Promise<Model> {
  return readScriptModel(files, path, choice, { parser: await pythonParser(files), hubFolder: hubCacheFolder(process.env, homedir()), answers: choice.answers });
}

/** What must still be asked before the script's model can be read. @throws UserError naming the line of a mistake in its text. */
export async function openQuestions(files: Files, path: string): Promise<readonly OpenQuestion[]> {
  const { open } = await readScriptFacts(files, path, { parser: await pythonParser(files), answers: answersTo(path) });
  return open.filter(({ needed }) => needed);
}

/** Ids that a question for a model can be answered with. */
export function knownModels(files: Files): Promise<readonly string[]> {
  return cachedModels(files, hubCacheFolder(process.env, homedir()));
}

/** The grammar lies beside the bundle that this is a part of. */
function pythonParser(files: Files): Promise<PythonParser> {
  const read = (name: string) => files.read(join(__dirname, name), maxGrammarBytes);
  parser ??= Promise.all([read("web-tree-sitter.wasm"), read("tree-sitter-python.wasm")]).then(([runtime, grammar]) => loadPythonParser(runtime, grammar));
  parser.catch(() => (parser = undefined));
  return parser;
}
