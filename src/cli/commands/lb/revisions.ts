import type { Revision } from '../../../api/load-balancer.ts';
import { defineCommand } from '../../command.ts';
import { usageError } from '../../failure.ts';
import { formatAge, formatTime } from '../../output/age.ts';
import { renderDiff, renderPlan } from '../../output/dry-run.ts';
import { readablePath } from '../../output/path.ts';
import type { Style } from '../../output/style.ts';
import { type Column, renderTable } from '../../output/table.ts';
import { renderSections } from '../../output/sections.ts';
import { getRevision, listRevisions } from '../../resources.ts';
import { receiptLine } from '../../wait/narrate.ts';

export const revisions = defineCommand({
  path: ['lb', 'revisions'],
  summary: 'List the changes of a load balancer, or show one of them with its receipts',
  args: [
    { name: 'name', summary: 'Name or id', completes: 'load-balancer' },
    { name: 'number', summary: 'One revision, to see its differences, plan and receipts', optional: true },
  ],
  options: {},
  examples: ['agentmetal lb revisions web-lb', 'agentmetal lb revisions web-lb 3'],
  async run({ api, io, print }, { args }) {
    if (args.number === undefined) {
      return print.list(await listRevisions(await api(), args.name), {
        columns: revisionColumns(io.now()),
        name: ({ number }) => String(number),
        empty: `${args.name} has no revisions`,
      });
    }
    const revision = await getRevision(await api(), args.name, readRevisionNumber(args.name, args.number));
    await print.object(revision, {
      text: () => renderRevision(revision, io.now(), print.style),
      name: String(revision.number),
    });
  },
});

/** Reads a revision's number from the command line. */
export function readRevisionNumber(name: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) {
    throw usageError(
      `${JSON.stringify(text)} is not the number of a revision`,
      `agentmetal lb revisions ${name}`,
    );
  }
  return Number(text);
}

function revisionColumns(now: number): Array<Column<Revision>> {
  return [
    { heading: 'REVISION', cell: ({ number }) => String(number) },
    {
      heading: 'ACTION',
      cell: ({ action, restoredFrom }) => (restoredFrom === undefined ? action : `${action} ${restoredFrom}`),
    },
    { heading: 'AUTHOR', cell: ({ author }) => author },
    { heading: 'AGE', cell: ({ createdAt }) => formatAge(createdAt, now) },
    { heading: 'GUARD', cell: guardText },
    { heading: 'RECEIPTS', cell: ({ receipts }) => receipts.map(receiptLine).join('; ') },
    { heading: 'CHANGES', cell: changesText },
  ];
}

/** How a guard ended, in a word or three. */
function guardText({ guard }: Revision): string {
  if (!guard) return '';
  return guard.restoredBy === undefined ? guard.state : `${guard.state} by ${guard.restoredBy}`;
}

function changesText({ diff }: Revision): string {
  const paths = diff.slice(0, 2).map(({ pointer }) => readablePath(pointer));
  return [...paths, ...(diff.length > 2 ? [`${diff.length - 2} more`] : [])].join(', ');
}

function renderRevision(revision: Revision, now: number, style: Style): string {
  const { number, action, restoredFrom, author, reason, createdAt, diff, plan, receipts, guard } = revision;
  const head = renderSections([
    {
      rows: [
        ['Revision', String(number)],
        ['Action', restoredFrom === undefined ? action : `${action} of revision ${restoredFrom}`],
        ['Author', author],
        ['Created', formatTime(createdAt, now)],
        ['Reason', reason ?? ''],
        ['Guard', guard ? `${guard.duration}, ${guardText(revision)}: ${guard.reason}` : ''],
      ],
    },
  ]);
  const table = renderTable(
    [
      { heading: 'RECEIPT', cell: receiptLine },
      { heading: 'VERIFIED', cell: ({ verified, error }) => error?.detail ?? verified.join(', ') },
    ],
    receipts,
  );
  return [
    head,
    renderDiff(diff, style),
    renderPlan(plan),
    receipts.length === 0 ? 'Receipts: none\n' : table,
  ].join('\n');
}
