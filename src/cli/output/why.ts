import type { BackendEvidence } from '../../api/evidence.ts';
import type { BackendWhy } from '../../api/load-balancer.ts';
import { formatTime } from './age.ts';
import { type Section, renderSections } from './sections.ts';
import { paintState } from './state.ts';
import type { Style } from './style.ts';
import { renderTable } from './table.ts';

type NodeView = BackendWhy['nodes'][number];

interface Surroundings {
  now: number;
  style: Style;
}

/** Why a backend is in its state, for people. */
export function renderWhy({ target, pool, nodes }: BackendWhy, surroundings: Surroundings): string {
  const heading: Section = {
    rows: [
      ['Backend', target],
      ['Pool', pool],
    ],
  };
  return renderSections([heading, ...nodes.flatMap((node) => nodeSections(node, surroundings))]);
}

function nodeSections(node: NodeView, { now, style }: Surroundings): Section[] {
  const { machine, state, since, reason, address, evidence } = node;
  return [
    {
      title: `On machine ${machine}`,
      rows: [
        ['State', { text: state, paint: (text) => paintState(style, text) }],
        ['Since', formatTime(since, now)],
        ['Reason', reason],
        ['Address', address ?? ''],
        ['Check', evidence?.check ?? ''],
      ],
    },
    ...(evidence ? evidenceSections(evidence, now) : []),
  ];
}

function evidenceSections({ result, probe, transitions }: BackendEvidence, now: number): Section[] {
  return [
    {
      title: 'Last failed check',
      rows: result
        ? [
            ['Result', `${result.status} ${result.code}`.trim()],
            ['Description', result.description],
            ['Took', `${result.durationMs} ms`],
            ['First seen', formatTime(result.at, now)],
          ]
        : [],
    },
    {
      title: 'The agent’s own look',
      rows: probe
        ? [
            ['Outcome', probe.outcome],
            ['At', `${probe.address} port ${probe.port}`],
            ['Took', `${probe.durationMs} ms`],
            ['When', formatTime(probe.at, now)],
            ['Sent', probe.sent || 'nothing'],
            ['Answered', probe.received || 'nothing'],
          ]
        : [],
    },
    { title: 'Changes', table: changeTable(transitions, now) },
  ];
}

function changeTable(transitions: BackendEvidence['transitions'], now: number): string {
  if (transitions.length === 0) return '';
  return renderTable(
    [
      { heading: 'WHEN', cell: ({ at }) => formatTime(at, now) },
      { heading: 'STATE', cell: ({ state }) => state },
      { heading: 'REASON', cell: ({ reason }) => reason },
    ],
    transitions,
  );
}
