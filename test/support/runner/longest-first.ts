import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * The files that take longest. One that began last would be waited for alone. What needs images of machines comes after what
 * does not, so that on a machine where they are still being built no worker waits for them.
 */
const LONGEST = [
  'test/fleet/spread.test.ts',
  'test/e2e/renewal.test.ts',
  'test/fleet/week.test.ts',
  'test/e2e/start.test.ts',
  'test/machines/provision.test.ts',
  'test/e2e/two-nodes.test.ts',
  'test/machines/upgrade.test.ts',
  'test/machines/virtual.test.ts',
  'test/machines/made.test.ts',
  'test/machines/two-vpcs.test.ts',
  'test/e2e/spread.test.ts',
  'test/fleet/lost-node.test.ts',
  'src/agent/serving/scanners.test.ts',
  'src/agent/certificates/orders/orders.test.ts',
  'src/agent/certificates/failures.test.ts',
  'test/e2e/failures.test.ts',
  'test/e2e/bgp.test.ts',
];

/** The longest begin first; the others follow in Vitest's own order. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const index = LONGEST.indexOf(relative(this.ctx.config.root, moduleId));
      return index === -1 ? LONGEST.length : index;
    };
    return (await super.sort(files)).toSorted((left, right) => place(left) - place(right));
  }
}
