/** Words of other tools for what is called otherwise here. */
const SYNONYMS: Readonly<Record<string, string>> = {
  ls: 'list',
  get: 'show',
  describe: 'show',
  rm: 'delete',
  destroy: 'delete',
  edit: 'update',
  new: 'create',
  add: 'create',
  history: 'revisions',
  rollback: 'restore',
  status: 'health',
  loadbalancer: 'lb',
  'load-balancer': 'lb',
  login: 'context',
  start: 'up',
  stop: 'down',
  undrain: 'enable',
};

/** The known word that was probably meant, or `undefined` when none is near. */
export function suggest(word: string, known: readonly string[]): string | undefined {
  const lower = word.toLowerCase();
  const synonyms = [
    Object.hasOwn(SYNONYMS, lower) ? SYNONYMS[lower] : undefined,
    lower === 'rm' ? 'remove' : undefined,
  ];
  const meant = synonyms.find((synonym) => synonym !== undefined && known.includes(synonym));
  if (meant !== undefined) return meant;
  const nearest = known
    .map((candidate) => ({ candidate, distance: editDistance(lower, candidate) }))
    .toSorted((one, other) => one.distance - other.distance)[0];
  return nearest && nearest.distance <= Math.max(1, Math.floor(nearest.candidate.length / 3))
    ? nearest.candidate
    : undefined;
}

/** Insertions, deletions, replacements and swaps of neighbours from one word to the other. */
function editDistance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= from.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= to.length; j += 1) row.push(cheapest(rows, row, { from, to, i, j }));
    rows.push(row);
  }
  return rows.at(-1)?.at(-1) ?? 0;
}

function cheapest(
  rows: readonly number[][],
  row: readonly number[],
  at: { from: string; to: string; i: number; j: number },
): number {
  const { from, to, i, j } = at;
  const cell = (r: number, c: number) => rows[r]?.[c] ?? Infinity;
  const replaced = cell(i - 1, j - 1) + (from[i - 1] === to[j - 1] ? 0 : 1);
  const swapped = from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1] ? cell(i - 2, j - 2) + 1 : Infinity;
  return Math.min(cell(i - 1, j) + 1, (row[j - 1] ?? Infinity) + 1, replaced, swapped);
}
