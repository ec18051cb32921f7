import { expect, test } from 'vitest';
import { renderTable } from './table.ts';

interface Row {
  name: string;
  state: string;
}

const COLUMNS = [
  { heading: 'NAME', cell: ({ name }: Row) => name },
  { heading: 'STATE', cell: ({ state }: Row) => state, paint: (text: string) => `<${text}>` },
];

test('aligns columns two spaces apart, without spaces at the line ends', () => {
  const rows = [
    { name: 'web-lb', state: 'active' },
    { name: 'a-longer-name', state: '' },
  ];
  expect(renderTable(COLUMNS, rows)).toBe(
    'NAME           STATE\nweb-lb         <active>\na-longer-name  <->\n',
  );
});

test('leaves the header out when asked', () => {
  expect(renderTable(COLUMNS, [{ name: 'a', state: 'up' }], { header: false })).toBe('a  <up>\n');
});

test('lets no cell move the cursor', () => {
  const text = renderTable(COLUMNS, [{ name: 'x\u001b[2J\u009b1m', state: 'a\nb' }]);
  expect(text).toContain('x\\x1b[2J\\x9b1m');
  expect(text.split('\n')).toHaveLength(3);
});
