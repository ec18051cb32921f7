import type { VpcHost } from '../../../../spec/vpc.ts';
import type { Column } from '../../../output/table.ts';

export const HOST_COLUMNS: ReadonlyArray<Column<VpcHost>> = [
  { heading: 'HOST', cell: ({ name }) => name },
  { heading: 'ADDRESSES', cell: ({ addresses }) => addresses.join(',') },
];
