/** Which rank did what: a file each, or processes of one file. */
import { UserError } from "../../model/errors";
import { meaningOf, stepOf } from "./names";
import type { Span, TraceFile } from "./traceFile";

export interface RankTrace {
  readonly rank: number;
  /** Where it came from, for messages. */
  readonly file: string;
  /** What its spans' zero is on the common clock, in µs; 0 where nobody knows. */
  readonly baseUs: number;
  readonly deviceName?: string;
  readonly peakBytes: number;
  readonly spans: readonly Span[];
}

/**
 * In order of rank. A file's own word goes before its name, and that before the order in which files were given.
 * @throws UserError for two traces of one rank.
 */
export function ranksOf(files: readonly TraceFile[], components: ReadonlySet<string>): readonly RankTrace[] {
  const found = files.flatMap((file) => ranksIn(file, components));
  const isKnown = found.every(({ rank }) => rank !== undefined);
  const ranks = found.map((trace, index) => ({ ...trace, rank: (isKnown ? trace.rank : undefined) ?? index })).sort((a, b) => a.rank - b.rank);
  const twice = ranks.findIndex(({ rank }, index) => rank === ranks[index + 1]?.rank);
  if (twice >= 0) throw new UserError(`It is of rank ${ranks[twice].rank}, as ${ranks[twice].file} is.`, { file: ranks[twice + 1].file, field: "distributedInfo.rank", hint: "Give one trace for each rank, of one run." });
  return ranks;
}

type Found = Omit<RankTrace, "rank"> & { readonly rank?: number };

/** The file's only rank; or, where several processes name their passes, one for each of them, without what ran in none. */
function ranksIn(file: TraceFile, components: ReadonlySet<string>): readonly Found[] {
  const processes = [...new Set(file.spans.filter(({ category, name }) => category === "user_annotation" && (meaningOf(name, components) || stepOf(name) !== undefined)).map(({ process }) => process))];
  const common = { file: file.file, baseUs: file.baseUs, deviceName: file.deviceName };
  if (processes.length <= 1) return [{ ...common, rank: file.rank ?? rankInName(file.file.split(/[\\/]/).at(-1) ?? ""), peakBytes: Math.max(0, ...file.peakBytes.values()), spans: file.spans }];
  return processes.sort((a, b) => Number(a) - Number(b) || (a < b ? -1 : 1)).map((process) => ({
    ...common, rank: rankInName(file.processNames.get(process) ?? ""), peakBytes: file.peakBytes.get(process) ?? 0,
    spans: file.spans.filter((span) => span.process === process),
  }));
}

/** "rank3", "trace_rank_3.json", "Rank 3". */
function rankInName(name: string): number | undefined {
  const found = /rank[\s_#:.-]{0,2}(\d{1,6})/i.exec(name);
  return found ? Number(found[1]) : undefined;
}
