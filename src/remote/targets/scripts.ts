/**
 * The shell vocabulary: what is done on a target, as bash scripts that take positional parameters and standard input.
 * The same text runs on this machine and over ssh. `$1` is always the target's folder; `fail` ends with a sentence for the user.
 *
 * Layout on the target:
 *   FOLDER/.cache/blobs/SHA256            contents, each once
 *   FOLDER/.cache/trees/SHA256/…          folders, hard links to contents; complete or not there
 *   FOLDER/RUN/{program.json or skeleton.json,run.sh,prelude.sh,trainer,model,data,log,pid,exit,cancelled,status.json,metrics.jsonl,…}
 */

/** Functions that every script may use. `members` prints the processes that carry the run's mark in their environment: ranks start sessions of their own, so the process group alone would miss them. */
export const vocabulary = `
fail() { printf 'diffusionpipe: %s\\n' "$1" >&2; exit 3; }
expand() { case $1 in '~') printf %s "$HOME";; '~/'*) printf %s "$HOME/\${1:2}";; /*) printf %s "$1";; *) printf %s "$HOME/$1";; esac; }
members() { grep -lzxF "DIFFUSIONPIPE_RUN=$1" /proc/[0-9]*/environ 2>/dev/null | grep -o '[0-9]*'; }
folder=$(expand "$1")
cache=$folder/.cache
`.trim();

/** What the checks of `preflight` print about the interpreter: `python VERSION`, then `package NAME VERSION` for each name given. */
const pythonFacts = `
import sys
from importlib import metadata
print("python", ".".join(map(str, sys.version_info[:3])))
for name in sys.argv[1:]:
    try:
        print("package", name, metadata.version(name))
    except metadata.PackageNotFoundError:
        pass
`.trim();

/** FOLDER INTERPRETER PRELUDE PACKAGE… -> "key value" lines. `exports`: the target's environment, as shell lines. */
export function preflightScript(exports: readonly string[]): string {
  return `
python=$2 prelude=$3
shift 3
for tool in tar sha256sum setsid nohup find sort comm grep xargs stat base64; do command -v "$tool" >/dev/null || printf 'missing %s\\n' "$tool"; done
printf 'system %s\\n' "$(uname -s)"
eval "$prelude" </dev/null >&2
${exports.join("\n")}
mkdir -p -- "$cache/blobs" "$cache/trees" && [ -w "$folder" ] || fail "The folder $folder cannot be written. Choose another one in the target file."
printf 'folder %s\\n' "$folder"
printf 'freeKb %s\\n' "$(df -Pk -- "$folder" | awk 'END { print $4 }')"
printf 'cores %s\\n' "$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)"
printf 'gpus %s\\n' "$(nvidia-smi -L 2>/dev/null | grep -c '^GPU ')"
case $python in '~/'*) python=$(expand "$python");; esac
if command -v -- "$python" >/dev/null; then
"$python" - "$@" <<'PYTHON'
${pythonFacts}
PYTHON
fi
:`.trim();
}

/** FOLDER TREE… -> those trees that are there. */
export const presentTrees = `
shift
for tree; do [ -d "$cache/trees/$tree" ] && printf '%s\\n' "$tree"; done
:`.trim();

/** FOLDER, sorted hashes on standard input -> those whose content is missing. */
export const missingBlobs = `LC_ALL=C comm -23 - <(ls -1 -- "$cache/blobs" | LC_ALL=C sort)`;

/** Leftovers of transfers that were cut more than a day ago; and this transfer's own folder, whatever happens. */
const incoming = `
find "$cache" -maxdepth 1 -name 'incoming.*' -mmin +1440 -exec rm -rf -- {} +
trap 'rm -rf -- "$cache/incoming.$nonce"' EXIT
`.trim();

/** FOLDER NONCE COUNT, a tar of COUNT files named by their hash on standard input. Every content is verified before it counts. */
export const receiveBlobs = `
nonce=$2
${incoming}
mkdir -- "$cache/incoming.$nonce" && cd -- "$cache/incoming.$nonce" || fail "The folder $cache cannot be written."
tar -xf - || fail "The transfer was cut short or the disk is full; nothing of it is kept."
[ "$(ls -1 | wc -l)" -eq "$3" ] || fail "Only part of the files arrived; nothing of them is kept."
for file in *; do printf '%s  %s\\n' "$file" "$file"; done | sha256sum --check --status || fail "A file arrived changed; nothing of the transfer is kept. If it is being written to, wait until it is done."
find . -type f -exec mv -f -t "$cache/blobs" -- {} +`.trim();

/** FOLDER TREE NONCE COUNT, a tar of COUNT hard links into blobs/ below incoming.NONCE/ on standard input. */
export const linkTree = `
nonce=$3
${incoming}
mkdir -- "$cache/incoming.$nonce" && cd -- "$cache" || fail "The folder $cache cannot be written."
tar -xf - || fail "The files could not be put in place in $cache."
[ "$(find "incoming.$nonce" -type f -printf . | wc -c)" -eq "$4" ] || fail "Only part of the files were put in place."
mv -T -- "incoming.$nonce" "trees/$2" 2>/dev/null || [ -d "trees/$2" ] || fail "The files could not be put in place in $cache."`.trim();

/** Starts run.sh in the present folder as a session of its own, which outlives this shell and its connection. */
const detach = `
DIFFUSIONPIPE_RUN=$id setsid nohup bash run.sh "$run" "$checkpoint" </dev/null >>log 2>&1 &
for wait in {1..100}; do [ -s pid ] && break; sleep 0.05; done
[ -s pid ] || fail "The run did not start; see $run/log."
printf 'pid %s\\nfolder %s\\n' "$(cat pid)" "$run"`.trim();

/** FOLDER RUN CHECKSUMS NAME=TREE…, a tar of the run's own files on standard input -> "pid N" and "folder PATH". */
export const startRun = `
id=$2 sums=$3
shift 3
run=$folder/$id new=$folder/.new.$id
[ ! -e "$run" ] || fail "There is a run $id already."
trap 'rm -rf -- "$new"' EXIT
mkdir -- "$new" && cd -- "$new" || fail "The folder $folder cannot be written."
tar -xf - && printf '%s\\n' "$sums" | sha256sum --check --status || fail "The transfer was cut short or the disk is full; nothing was started."
for link; do ln -s -- "../.cache/trees/\${link#*=}" "\${link%%=*}" && [ -d "\${link%%=*}/." ] || fail "The copy of \${link%%=*} is gone from $cache. Launch again."; done
mv -T -- "$new" "$run" && cd -- "$run" || fail "The run's folder $run could not be made."
${detach}`.trim();

/** FOLDER RUN -> as startRun. Goes on from the last whole checkpoint, in the same folder and log. */
export const resumeRun = `
id=$2 run=$folder/$2
cd -- "$run" 2>/dev/null || fail "There is no run $id in $folder."
[ -z "$(members "$id")" ] || fail "The run $id is still running."
[ "$(cat exit 2>/dev/null)" != 0 ] || fail "The run $id is complete; there is nothing to go on with."
for file in checkpoints/step-*/.metadata; do [ -f "$file" ] && checkpoint=\${file%/.metadata}; done
[ -n "$checkpoint" ] || fail "The run $id has left no checkpoint to go on from. Launch the plan again; training.checkpointEvery in the plan sets how often one is written."
rm -f -- exit cancelled pid
printf 'Going on from %s\\n' "$checkpoint" >>log
${detach}`.trim();

/**
 * FOLDER RUN FROM LIMIT -> "key value" lines, an empty line, then at most LIMIT bytes of the log from byte FROM.
 * Processes are counted before the exit code and the log are read: where none is left, both are final.
 */
export const observeRun = `
cd -- "$folder/$2" 2>/dev/null || { printf 'gone 1\\n\\n'; exit 0; }
printf 'processes %s\\n' "$(members "$2" | wc -l)"
[ -f cancelled ] && printf 'cancelled 1\\n'
[ -s pid ] && printf 'started %s\\n' "$(stat -c %Y pid)"
[ -s exit ] && printf 'exit %s\\nended %s\\n' "$(cat exit)" "$(stat -c %Y exit)"
[ -s status.json ] && printf 'status %s\\n' "$(head -c 65536 status.json | base64 -w 0)"
[ -s metrics.jsonl ] && printf 'metrics %s\\n' "$(tail -n 1 metrics.jsonl | head -c 65536 | base64 -w 0)"
printf 'logBytes %s\\n\\n' "$(stat -c %s log 2>/dev/null || printf 0)"
[ "$4" -eq 0 ] || tail -c +$(($3 + 1)) log 2>/dev/null | head -c "$4"
:`.trim();

/** FOLDER RUN GRACE -> "killed N" and "left N": TERM to the group, KILL to every process of the run after GRACE tenths of a second. */
export const cancelRun = `
cd -- "$folder/$2" 2>/dev/null || fail "There is no run $2 in $folder."
[ -s exit ] || { : >cancelled.new && mv -f cancelled.new cancelled; }
all=$(members "$2")
pid=$(cat pid 2>/dev/null)
if grep -qxF "$pid" <<<"$all" && [ -n "$pid" ]; then kill -TERM -- "-$pid"; elif [ -n "$all" ]; then kill -TERM $all; fi
for ((tenth = 0; tenth < $3; tenth++)); do all=$(members "$2"); [ -n "$all" ] || break; sleep 0.1; done
killed=0
if [ -n "$all" ]; then killed=$(wc -w <<<"$all"); kill -KILL $all 2>/dev/null; fi
for ((tenth = 0; tenth < 15; tenth++)); do all=$(members "$2"); [ -n "$all" ] || break; sleep 0.1; done
# What was being written when KILL came; everything whole has another name.
[ -n "$all" ] || find . -maxdepth 2 -name '.*.tmp' -exec rm -rf -- {} +
printf 'killed %s\\nleft %s\\n' "$killed" "$(wc -w <<<"$all")"`.trim();

/** FOLDER RUN NAME… -> "BYTES PATH" of every regular file at or below the names, each ended by NUL. Links are not followed. */
export const listResults = `
cd -- "$folder/$2" 2>/dev/null || fail "There is no run $2 in $folder."
shift 2
for name; do [ -e "$name" ] && find "$name" -type f -printf '%s %p\\0'; done
:`.trim();

/** FOLDER RUN (PATH FROM LENGTH)… -> those bytes, one after another. */
export const readSlices = `
cd -- "$folder/$2" || exit 1
shift 2
while [ $# -gt 0 ]; do tail -c +$(($2 + 1)) -- "./$1" | head -c "$3"; shift 3; done
:`.trim();
